// A transposed convolution of strides equal to its kernel is a 1x1 convolution whose patches are put side by side.
// RUN: %ingot opt %s --passes=decompose | %FileCheck %s
// CHECK-NOT: ingot.conv_transpose
// CHECK: "ingot.conv"{{.*}}-> tensor<1x16x3x3xf32>
// CHECK: "ingot.transpose"{{.*}}perm = [0, 1, 4, 2, 5, 3]
module {
  "ingot.graph"() ({
  ^bb0(%0: tensor<1x2x3x3xf32>):
    %1 = "ingot.constant"() {value = dense<0.5> : tensor<2x4x2x2xf32>} : () -> tensor<2x4x2x2xf32>
    %2 = "ingot.conv_transpose"(%0, %1) {groups = 1, strides = [2, 2], pads = [0, 0, 0, 0], dilations = [1, 1], output_padding = [0, 0]} : (tensor<1x2x3x3xf32>, tensor<2x4x2x2xf32>) -> tensor<1x4x6x6xf32>
    "ingot.return"(%2) {names = ["y"]} : (tensor<1x4x6x6xf32>) -> ()
  }) {sym_name = "main", param_names = ["x0"]} : () -> ()
}
