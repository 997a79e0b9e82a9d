// An elementwise op broadcasts by itself.
// RUN: %ingot opt %s --passes=canonicalize | %FileCheck %s
// CHECK-NOT: ingot.broadcast
// CHECK: "ingot.add"(%0, %1)
module {
  "ingot.graph"() ({
  ^bb0(%0: tensor<4xf32>, %1: tensor<2x4xf32>):
    %2 = "ingot.broadcast"(%0) {sym = ["2", "4"]} : (tensor<4xf32>) -> tensor<2x4xf32>
    %3 = "ingot.add"(%2, %1) {} : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
    "ingot.return"(%3) {names = ["y"]} : (tensor<2x4xf32>) -> ()
  }) {sym_name = "main", param_names = ["x0", "x1"]} : () -> ()
}
