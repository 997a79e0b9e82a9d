// Equal ops are computed once.
// RUN: %ingot opt %s --passes=canonicalize | %FileCheck %s
// CHECK: "ingot.exp"
// CHECK-NOT: "ingot.exp"
// CHECK: %[[A:.*]] = "ingot.add"(%[[X:.*]], %[[X]])
module {
  "ingot.graph"() ({
  ^bb0(%0: tensor<2x4xf32>):
    %1 = "ingot.exp"(%0) {} : (tensor<2x4xf32>) -> tensor<2x4xf32>
    %2 = "ingot.exp"(%0) {} : (tensor<2x4xf32>) -> tensor<2x4xf32>
    %3 = "ingot.add"(%1, %2) {} : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
    "ingot.return"(%3) {names = ["y"]} : (tensor<2x4xf32>) -> ()
  }) {sym_name = "main", param_names = ["x0"]} : () -> ()
}
