// Zeros around an image are the pads of its convolution.
// RUN: %ingot opt %s --passes=canonicalize | %FileCheck %s
// CHECK-NOT: ingot.pad
// CHECK: "ingot.conv"(%0, {{.*}}pads = [1, 1, 1, 1]
module {
  "ingot.graph"() ({
  ^bb0(%0: tensor<1x3x8x8xf32>):
    %1 = "ingot.constant"() {value = dense<0.0> : tensor<f32>} : () -> tensor<f32>
    %2 = "ingot.pad"(%0, %1) {mode = "constant", sym = ["0", "0", "1", "1", "0", "0", "1", "1"]} : (tensor<1x3x8x8xf32>, tensor<f32>) -> tensor<1x3x10x10xf32>
    %3 = "ingot.constant"() {value = dense<0.5> : tensor<4x3x3x3xf32>} : () -> tensor<4x3x3x3xf32>
    %4 = "ingot.conv"(%2, %3) {groups = 1, strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1]} : (tensor<1x3x10x10xf32>, tensor<4x3x3x3xf32>) -> tensor<1x4x8x8xf32>
    "ingot.return"(%4) {names = ["y"]} : (tensor<1x4x8x8xf32>) -> ()
  }) {sym_name = "main", param_names = ["x0"]} : () -> ()
}
