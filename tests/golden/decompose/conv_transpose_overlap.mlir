// A transposed convolution with overlaps is a convolution of the input with zeros between its pixels.
// RUN: %ingot opt %s --passes=decompose | %FileCheck %s
// CHECK-NOT: ingot.conv_transpose
// CHECK: "ingot.pad"
// CHECK: "ingot.conv"{{.*}}pads = [0, 1, 0, 2]
module {
  "ingot.graph"() ({
  ^bb0(%0: tensor<1x2x3x3xf32>):
    %1 = "ingot.constant"() {value = dense<[[[[1.0, 2.0, 3.0]], [[4.0, 5.0, 6.0]]], [[[7.0, 8.0, 9.0]], [[1.0, 3.0, 5.0]]]]> : tensor<2x2x1x3xf32>} : () -> tensor<2x2x1x3xf32>
    %2 = "ingot.conv_transpose"(%0, %1) {groups = 1, strides = [1, 2], pads = [0, 1, 0, 1], dilations = [1, 1], output_padding = [0, 1]} : (tensor<1x2x3x3xf32>, tensor<2x2x1x3xf32>) -> tensor<1x2x3x6xf32>
    "ingot.return"(%2) {names = ["y"]} : (tensor<1x2x3x6xf32>) -> ()
  }) {sym_name = "main", param_names = ["x0"]} : () -> ()
}
