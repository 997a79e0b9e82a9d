// A value with another use stays.
// RUN: %ingot opt %s --passes=fuse_epilogues | %FileCheck %s
// CHECK-NOT: prog
// CHECK: ingot.relu
module {
  "ingot.graph"() ({
  ^bb0(%0: tensor<2x4xf32>, %1: tensor<4x5xf32>):
    %2 = "ingot.matmul"(%0, %1) {trans_a = 0, trans_b = 0} : (tensor<2x4xf32>, tensor<4x5xf32>) -> tensor<2x5xf32>
    %3 = "ingot.relu"(%2) {} : (tensor<2x5xf32>) -> tensor<2x5xf32>
    "ingot.return"(%3, %2) {names = ["y0", "y1"]} : (tensor<2x5xf32>, tensor<2x5xf32>) -> ()
  }) {sym_name = "main", param_names = ["x0", "x1"]} : () -> ()
}
