// Scores that something else reads stay.
// RUN: %ingot opt %s --passes=recognize_attention | %FileCheck %s
// CHECK-NOT: ingot.attention
// CHECK: ingot.softmax
module {
  "ingot.graph"() ({
  ^bb0(%0: tensor<1x2x8x4xf32>, %1: tensor<1x2x4x8xf32>, %2: tensor<1x2x8x4xf32>):
    %3 = "ingot.matmul"(%0, %1) {trans_a = 0, trans_b = 0} : (tensor<1x2x8x4xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x8x8xf32>
    %4 = "ingot.softmax"(%3) {axis = 3, log = 0} : (tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
    %5 = "ingot.matmul"(%4, %2) {trans_a = 0, trans_b = 0} : (tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
    "ingot.return"(%5, %4) {names = ["y0", "y1"]} : (tensor<1x2x8x4xf32>, tensor<1x2x8x8xf32>) -> ()
  }) {sym_name = "main", param_names = ["x0", "x1", "x2"]} : () -> ()
}
