// An op of constants becomes a constant.
// RUN: %ingot opt %s --passes=canonicalize | %FileCheck %s
// CHECK-NOT: ingot.mul
// CHECK: "ingot.constant"() {value = dense<[3.0, 1.0e+01]>
module {
  "ingot.graph"() ({
  ^bb0():
    %0 = "ingot.constant"() {value = dense<[1.0, 2.0]> : tensor<2xf32>} : () -> tensor<2xf32>
    %1 = "ingot.constant"() {value = dense<[3.0, 5.0]> : tensor<2xf32>} : () -> tensor<2xf32>
    %2 = "ingot.mul"(%0, %1) {} : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
    "ingot.return"(%2) {names = ["y"]} : (tensor<2xf32>) -> ()
  }) {sym_name = "main", param_names = []} : () -> ()
}
