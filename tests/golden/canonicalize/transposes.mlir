// Two transposes that undo each other go.
// RUN: %ingot opt %s --passes=canonicalize | %FileCheck %s
// CHECK-NOT: ingot.transpose
// CHECK: "ingot.return"(%0)
module {
  "ingot.graph"() ({
  ^bb0(%0: tensor<2x3x4xf32>):
    %1 = "ingot.transpose"(%0) {perm = [2, 0, 1]} : (tensor<2x3x4xf32>) -> tensor<4x2x3xf32>
    %2 = "ingot.transpose"(%1) {perm = [1, 2, 0]} : (tensor<4x2x3xf32>) -> tensor<2x3x4xf32>
    "ingot.return"(%2) {names = ["y"]} : (tensor<2x3x4xf32>) -> ()
  }) {sym_name = "main", param_names = ["x0"]} : () -> ()
}
