// A scale and a shift per channel after a convolution go into weights and bias.
// RUN: %ingot opt %s --passes=fold_batch_norm,canonicalize | %FileCheck %s
// CHECK: dense<{{\[\[\[\[}}3.0]]], {{\[\[\[}}8.0]]]]>
// CHECK: "ingot.conv"
// CHECK-NOT: ingot.mul
// CHECK: "ingot.add"
module {
  "ingot.graph"() ({
  ^bb0(%0: tensor<1x1x4x4xf32>):
    %1 = "ingot.constant"() {value = dense<[[[[1.0]]], [[[2.0]]]]> : tensor<2x1x1x1xf32>} : () -> tensor<2x1x1x1xf32>
    %2 = "ingot.conv"(%0, %1) {groups = 1, strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1]} : (tensor<1x1x4x4xf32>, tensor<2x1x1x1xf32>) -> tensor<1x2x4x4xf32>
    %3 = "ingot.constant"() {value = dense<[[[3.0]], [[4.0]]]> : tensor<2x1x1xf32>} : () -> tensor<2x1x1xf32>
    %4 = "ingot.mul"(%2, %3) {} : (tensor<1x2x4x4xf32>, tensor<2x1x1xf32>) -> tensor<1x2x4x4xf32>
    %5 = "ingot.constant"() {value = dense<[[[5.0]], [[6.0]]]> : tensor<2x1x1xf32>} : () -> tensor<2x1x1xf32>
    %6 = "ingot.add"(%4, %5) {} : (tensor<1x2x4x4xf32>, tensor<2x1x1xf32>) -> tensor<1x2x4x4xf32>
    "ingot.return"(%6) {names = ["y"]} : (tensor<1x2x4x4xf32>) -> ()
  }) {sym_name = "main", param_names = ["x0"]} : () -> ()
}
