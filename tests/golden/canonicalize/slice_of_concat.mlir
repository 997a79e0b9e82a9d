// A slice that lies in one operand of a concat reads that operand.
// RUN: %ingot opt %s --passes=canonicalize | %FileCheck %s
// CHECK: "ingot.return"(%1)
module {
  "ingot.graph"() ({
  ^bb0(%0: tensor<2x2xf32>, %1: tensor<2x4xf32>):
    %2 = "ingot.concat"(%0, %1) {axis = 1} : (tensor<2x2xf32>, tensor<2x4xf32>) -> tensor<2x6xf32>
    %3 = "ingot.slice"(%2) {axes = [1], steps = [1], sym = ["2", "4"]} : (tensor<2x6xf32>) -> tensor<2x4xf32>
    "ingot.return"(%3) {names = ["y"]} : (tensor<2x4xf32>) -> ()
  }) {sym_name = "main", param_names = ["x0", "x1"]} : () -> ()
}
