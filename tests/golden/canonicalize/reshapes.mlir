// Of two reshapes in a row the last stays.
// RUN: %ingot opt %s --passes=canonicalize | %FileCheck %s
// CHECK: "ingot.reshape"(%0)
// CHECK-NOT: ingot.reshape
module {
  "ingot.graph"() ({
  ^bb0(%0: tensor<2x6xf32>):
    %1 = "ingot.reshape"(%0) {sym = ["12"]} : (tensor<2x6xf32>) -> tensor<12xf32>
    %2 = "ingot.reshape"(%1) {sym = ["3", "4"]} : (tensor<12xf32>) -> tensor<3x4xf32>
    "ingot.return"(%2) {names = ["y"]} : (tensor<3x4xf32>) -> ()
  }) {sym_name = "main", param_names = ["x0"]} : () -> ()
}
