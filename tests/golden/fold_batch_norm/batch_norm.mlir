// A batch norm after a convolution goes into weights and bias.
// RUN: %ingot opt %s --passes=fold_batch_norm,canonicalize | %FileCheck %s
// CHECK-NOT: ingot.batch_norm
// CHECK: dense<{{\[\[\[}}1.0]], {{\[\[}}2.0]]]>
// CHECK: "ingot.add"
module {
  "ingot.graph"() ({
  ^bb0(%0: tensor<1x1x4x4xf32>):
    %1 = "ingot.constant"() {value = dense<[[[[1.0]]], [[[2.0]]]]> : tensor<2x1x1x1xf32>} : () -> tensor<2x1x1x1xf32>
    %2 = "ingot.conv"(%0, %1) {groups = 1, strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1]} : (tensor<1x1x4x4xf32>, tensor<2x1x1x1xf32>) -> tensor<1x2x4x4xf32>
    %3 = "ingot.constant"() {value = dense<[2.0, 2.0]> : tensor<2xf32>} : () -> tensor<2xf32>
    %4 = "ingot.constant"() {value = dense<[1.0, 3.0]> : tensor<2xf32>} : () -> tensor<2xf32>
    %5 = "ingot.constant"() {value = dense<[0.0, 1.0]> : tensor<2xf32>} : () -> tensor<2xf32>
    %6 = "ingot.constant"() {value = dense<[4.0, 4.0]> : tensor<2xf32>} : () -> tensor<2xf32>
    %7 = "ingot.batch_norm"(%2, %3, %4, %5, %6) {axis = 1, epsilon = 0.0} : (tensor<1x2x4x4xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
    "ingot.return"(%7) {names = ["y"]} : (tensor<1x2x4x4xf32>) -> ()
  }) {sym_name = "main", param_names = ["x0"]} : () -> ()
}
