// Scales on q and on k; k kept in its own order of axes.
// RUN: %ingot opt %s --passes=recognize_attention,canonicalize | %FileCheck %s
// CHECK: %[[K:.*]] = "ingot.transpose"(%1) {perm = [0, 2, 1, 3]
// CHECK: "ingot.attention"(%0, %[[K]], %2) {scale = 0.25
module {
  "ingot.graph"() ({
  ^bb0(%0: tensor<1x2x8x4xf32>, %1: tensor<1x8x2x4xf32>, %2: tensor<1x2x8x4xf32>):
    %3 = "ingot.constant"() {value = dense<0.5> : tensor<f32>} : () -> tensor<f32>
    %4 = "ingot.mul"(%0, %3) {} : (tensor<1x2x8x4xf32>, tensor<f32>) -> tensor<1x2x8x4xf32>
    %5 = "ingot.transpose"(%1) {perm = [0, 2, 3, 1]} : (tensor<1x8x2x4xf32>) -> tensor<1x2x4x8xf32>
    %6 = "ingot.mul"(%5, %3) {} : (tensor<1x2x4x8xf32>, tensor<f32>) -> tensor<1x2x4x8xf32>
    %7 = "ingot.matmul"(%4, %6) {trans_a = 0, trans_b = 0} : (tensor<1x2x8x4xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x8x8xf32>
    %8 = "ingot.softmax"(%7) {axis = 3, log = 0} : (tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
    %9 = "ingot.matmul"(%8, %2) {trans_a = 0, trans_b = 0} : (tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
    "ingot.return"(%9) {names = ["y"]} : (tensor<1x2x8x4xf32>) -> ()
  }) {sym_name = "main", param_names = ["x0", "x1", "x2"]} : () -> ()
}
