// A convolution of an image with few channels reads it plain.
// RUN: %ingot opt %s --passes=layout | %FileCheck %s
// CHECK-NOT: ingot.relayout
// CHECK: "ingot.conv"(%0
// CHECK: "ingot.reduce"{{.*}}-> tensor<1x16xf32>
module {
  "ingot.graph"() ({
  ^bb0(%0: tensor<1x3x8x8xf32>):
    %1 = "ingot.constant"() {value = dense<0.5> : tensor<16x3x1x1xf32>} : () -> tensor<16x3x1x1xf32>
    %2 = "ingot.conv"(%0, %1) {groups = 1, strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1]} : (tensor<1x3x8x8xf32>, tensor<16x3x1x1xf32>) -> tensor<1x16x8x8xf32>
    %3 = "ingot.reduce"(%2) {kind = "mean", axes = [2, 3], keepdims = 0} : (tensor<1x16x8x8xf32>) -> tensor<1x16xf32>
    "ingot.return"(%3) {names = ["y"]} : (tensor<1x16xf32>) -> ()
  }) {sym_name = "main", param_names = ["x0"]} : () -> ()
}
