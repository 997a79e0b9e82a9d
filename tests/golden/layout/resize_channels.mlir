// A resize that repeats channels, or by a part, stays plain.
// RUN: %ingot opt %s --passes=layout | %FileCheck %s
// CHECK: "ingot.resize"{{.*}}-> tensor<1x32x4x4xf32>
// CHECK: "ingot.resize"{{.*}}-> tensor<1x16x6x6xf32>
module {
  "ingot.graph"() ({
  ^bb0(%0: tensor<1x16x4x4xf32>):
    %1 = "ingot.constant"() {value = dense<0.5> : tensor<16x16x1x1xf32>} : () -> tensor<16x16x1x1xf32>
    %2 = "ingot.conv"(%0, %1) {groups = 1, strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1]} : (tensor<1x16x4x4xf32>, tensor<16x16x1x1xf32>) -> tensor<1x16x4x4xf32>
    %3 = "ingot.resize"(%2) {mode = "nearest", coords = "asymmetric", nearest = "floor", cubic_a = -0.75, exclude_outside = 0, extrapolation = 0.0, antialias = 0, axes = [], sym = ["1", "32", "4", "4"]} : (tensor<1x16x4x4xf32>) -> tensor<1x32x4x4xf32>
    %4 = "ingot.resize"(%2) {mode = "nearest", coords = "asymmetric", nearest = "floor", cubic_a = -0.75, exclude_outside = 0, extrapolation = 0.0, antialias = 0, axes = [], sym = ["1", "16", "6", "6"]} : (tensor<1x16x4x4xf32>) -> tensor<1x16x6x6xf32>
    "ingot.return"(%3, %4) {names = ["y", "z"]} : (tensor<1x32x4x4xf32>, tensor<1x16x6x6xf32>) -> ()
  }) {sym_name = "main", param_names = ["x0"]} : () -> ()
}
