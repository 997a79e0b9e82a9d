// softmax(q k^T / 2 + mask) v; the transposed k is read as it is.
// RUN: %ingot opt %s --passes=recognize_attention,canonicalize | %FileCheck %s
// CHECK-NOT: ingot.softmax
// CHECK: "ingot.attention"(%0, %1, %2, %3) {scale = 0.5
module {
  "ingot.graph"() ({
  ^bb0(%0: tensor<1x2x8x4xf32>, %1: tensor<1x2x8x4xf32>, %2: tensor<1x2x8x4xf32>, %3: tensor<1x1x1x8xf32>):
    %4 = "ingot.transpose"(%1) {perm = [0, 1, 3, 2]} : (tensor<1x2x8x4xf32>) -> tensor<1x2x4x8xf32>
    %5 = "ingot.matmul"(%0, %4) {trans_a = 0, trans_b = 0} : (tensor<1x2x8x4xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x8x8xf32>
    %6 = "ingot.constant"() {value = dense<2.0> : tensor<f32>} : () -> tensor<f32>
    %7 = "ingot.div"(%5, %6) {} : (tensor<1x2x8x8xf32>, tensor<f32>) -> tensor<1x2x8x8xf32>
    %8 = "ingot.add"(%7, %3) {} : (tensor<1x2x8x8xf32>, tensor<1x1x1x8xf32>) -> tensor<1x2x8x8xf32>
    %9 = "ingot.softmax"(%8) {axis = 3, log = 0} : (tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
    %10 = "ingot.matmul"(%9, %2) {trans_a = 0, trans_b = 0} : (tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
    "ingot.return"(%10) {names = ["y"]} : (tensor<1x2x8x4xf32>) -> ()
  }) {sym_name = "main", param_names = ["x0", "x1", "x2", "x3"]} : () -> ()
}
