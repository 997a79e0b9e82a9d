// A splat stays a splat, whatever its size.
// RUN: %ingot opt %s --passes=canonicalize | %FileCheck %s
// CHECK-NOT: ingot.broadcast
// CHECK: 1.5{{.*}} -> tensor<1000000x100000xf32>
module {
  "ingot.graph"() ({
  ^bb0():
    %0 = "ingot.constant"() {value = dense<1.5> : tensor<f32>} : () -> tensor<f32>
    %1 = "ingot.broadcast"(%0) {sym = ["1000000", "100000"]} : (tensor<f32>) -> tensor<1000000x100000xf32>
    "ingot.return"(%1) {names = ["y"]} : (tensor<1000000x100000xf32>) -> ()
  }) {sym_name = "main", param_names = []} : () -> ()
}
