// The parts of a split, joined again, are the whole.
// RUN: %ingot opt %s --passes=canonicalize | %FileCheck %s
// CHECK: "ingot.return"(%0)
module {
  "ingot.graph"() ({
  ^bb0(%0: tensor<2x6xf32>):
    %1 = "ingot.slice"(%0) {axes = [1], steps = [1], sym = ["0", "2"]} : (tensor<2x6xf32>) -> tensor<2x2xf32>
    %2 = "ingot.slice"(%0) {axes = [1], steps = [1], sym = ["2", "4"]} : (tensor<2x6xf32>) -> tensor<2x4xf32>
    %3 = "ingot.concat"(%1, %2) {axis = 1} : (tensor<2x2xf32>, tensor<2x4xf32>) -> tensor<2x6xf32>
    "ingot.return"(%3) {names = ["y"]} : (tensor<2x6xf32>) -> ()
  }) {sym_name = "main", param_names = ["x0"]} : () -> ()
}
