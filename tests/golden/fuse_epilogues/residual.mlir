// Of two products that are added, the later one takes the addition.
// RUN: %ingot opt %s --passes=fuse_epilogues | %FileCheck %s
// CHECK: %[[A:.*]] = "ingot.matmul"(%0, %1) {trans_a
// CHECK: "ingot.matmul"({{.*}}, %1, %[[A]])
module {
  "ingot.graph"() ({
  ^bb0(%0: tensor<2x4xf32>, %1: tensor<4x5xf32>):
    %2 = "ingot.matmul"(%0, %1) {trans_a = 0, trans_b = 0} : (tensor<2x4xf32>, tensor<4x5xf32>) -> tensor<2x5xf32>
    %3 = "ingot.relu"(%0) {} : (tensor<2x4xf32>) -> tensor<2x4xf32>
    %4 = "ingot.matmul"(%3, %1) {trans_a = 0, trans_b = 0} : (tensor<2x4xf32>, tensor<4x5xf32>) -> tensor<2x5xf32>
    %5 = "ingot.add"(%2, %4) {} : (tensor<2x5xf32>, tensor<2x5xf32>) -> tensor<2x5xf32>
    "ingot.return"(%5) {names = ["y"]} : (tensor<2x5xf32>) -> ()
  }) {sym_name = "main", param_names = ["x0", "x1"]} : () -> ()
}
