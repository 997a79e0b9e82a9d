// A value with other users becomes a further result.
// RUN: %ingot opt %s --passes=fuse_maps | %FileCheck %s
// CHECK: %{{.*}}, %{{.*}} = "ingot.map"(%0)
module {
  "ingot.graph"() ({
  ^bb0(%0: tensor<2x4xf32>):
    %1 = "ingot.exp"(%0) {} : (tensor<2x4xf32>) -> tensor<2x4xf32>
    %2 = "ingot.relu"(%1) {} : (tensor<2x4xf32>) -> tensor<2x4xf32>
    "ingot.return"(%2, %1) {names = ["y0", "y1"]} : (tensor<2x4xf32>, tensor<2x4xf32>) -> ()
  }) {sym_name = "main", param_names = ["x0"]} : () -> ()
}
