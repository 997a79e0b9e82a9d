// What no result needs goes.
// RUN: %ingot opt %s --passes=canonicalize | %FileCheck %s
// CHECK-NOT: ingot.exp
// CHECK: ingot.relu
module {
  "ingot.graph"() ({
  ^bb0(%0: tensor<2x4xf32>):
    %1 = "ingot.exp"(%0) {} : (tensor<2x4xf32>) -> tensor<2x4xf32>
    %2 = "ingot.relu"(%0) {} : (tensor<2x4xf32>) -> tensor<2x4xf32>
    "ingot.return"(%2) {names = ["y"]} : (tensor<2x4xf32>) -> ()
  }) {sym_name = "main", param_names = ["x0"]} : () -> ()
}
