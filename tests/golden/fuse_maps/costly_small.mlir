// A function of a small shape is not computed again for each element of a larger one.
// RUN: %ingot opt %s --passes=fuse_maps | %FileCheck %s
// CHECK: "ingot.exp"(%0)
// CHECK: ingot.add
module {
  "ingot.graph"() ({
  ^bb0(%0: tensor<4xf32>, %1: tensor<2x4xf32>):
    %2 = "ingot.exp"(%0) {} : (tensor<4xf32>) -> tensor<4xf32>
    %3 = "ingot.add"(%2, %1) {} : (tensor<4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
    "ingot.return"(%3) {names = ["y"]} : (tensor<2x4xf32>) -> ()
  }) {sym_name = "main", param_names = ["x0", "x1"]} : () -> ()
}
