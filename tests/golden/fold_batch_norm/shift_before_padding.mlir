// A shift before a padded convolution stays: the padding is not shifted.
// RUN: %ingot opt %s --passes=fold_batch_norm | %FileCheck %s
// CHECK: "ingot.add"(%0
// CHECK: "ingot.conv"
module {
  "ingot.graph"() ({
  ^bb0(%0: tensor<1x1x4x4xf32>):
    %1 = "ingot.constant"() {value = dense<5.0> : tensor<f32>} : () -> tensor<f32>
    %2 = "ingot.add"(%0, %1) {} : (tensor<1x1x4x4xf32>, tensor<f32>) -> tensor<1x1x4x4xf32>
    %3 = "ingot.constant"() {value = dense<0.5> : tensor<2x1x3x3xf32>} : () -> tensor<2x1x3x3xf32>
    %4 = "ingot.conv"(%2, %3) {groups = 1, strides = [1, 1], pads = [1, 1, 1, 1], dilations = [1, 1]} : (tensor<1x1x4x4xf32>, tensor<2x1x3x3xf32>) -> tensor<1x2x4x4xf32>
    "ingot.return"(%4) {names = ["y"]} : (tensor<1x2x4x4xf32>) -> ()
  }) {sym_name = "main", param_names = ["x0"]} : () -> ()
}
