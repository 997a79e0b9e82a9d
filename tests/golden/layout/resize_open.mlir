// Nearest neighbours by whole factors of open sizes stay in blocks, and so does what they are added to.
// RUN: %ingot opt %s --passes=layout | %FileCheck %s
// CHECK: "ingot.relayout"(%0) {layout = 1}
// CHECK: "ingot.resize"{{.*}}sym = ["1", "16", "h * 2", "w * 2"]{{.*}}layout = "c16"}>
// CHECK: "ingot.add"{{.*}}layout = "c16"}>
// CHECK: "ingot.relu"{{.*}}layout = "c16"}>
// CHECK: "ingot.relayout"{{.*}}{layout = 0}
// CHECK-NOT: ingot.relayout
module {
  "ingot.graph"() ({
  ^bb0(%0: tensor<1x16x?x?xf32, ["h", "w"]>, %1: tensor<1x3x?x?xf32, ["h * 2", "w * 2"]>):
    %2 = "ingot.constant"() {value = dense<0.5> : tensor<16x16x1x1xf32>} : () -> tensor<16x16x1x1xf32>
    %3 = "ingot.constant"() {value = dense<0.5> : tensor<16x3x1x1xf32>} : () -> tensor<16x3x1x1xf32>
    %4 = "ingot.conv"(%0, %2) {groups = 1, strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1]} : (tensor<1x16x?x?xf32, ["h", "w"]>, tensor<16x16x1x1xf32>) -> tensor<1x16x?x?xf32, ["h", "w"]>
    %5 = "ingot.resize"(%4) {mode = "nearest", coords = "asymmetric", nearest = "floor", cubic_a = -0.75, exclude_outside = 0, extrapolation = 0.0, antialias = 0, axes = [], sym = ["1", "16", "h * 2", "w * 2"]} : (tensor<1x16x?x?xf32, ["h", "w"]>) -> tensor<1x16x?x?xf32, ["h * 2", "w * 2"]>
    %6 = "ingot.conv"(%1, %3) {groups = 1, strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1]} : (tensor<1x3x?x?xf32, ["h * 2", "w * 2"]>, tensor<16x3x1x1xf32>) -> tensor<1x16x?x?xf32, ["h * 2", "w * 2"]>
    %7 = "ingot.add"(%5, %6) {} : (tensor<1x16x?x?xf32, ["h * 2", "w * 2"]>, tensor<1x16x?x?xf32, ["h * 2", "w * 2"]>) -> tensor<1x16x?x?xf32, ["h * 2", "w * 2"]>
    %8 = "ingot.relu"(%7) {} : (tensor<1x16x?x?xf32, ["h * 2", "w * 2"]>) -> tensor<1x16x?x?xf32, ["h * 2", "w * 2"]>
    %9 = "ingot.conv"(%8, %2) {groups = 1, strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1]} : (tensor<1x16x?x?xf32, ["h * 2", "w * 2"]>, tensor<16x16x1x1xf32>) -> tensor<1x16x?x?xf32, ["h * 2", "w * 2"]>
    "ingot.return"(%9) {names = ["y"]} : (tensor<1x16x?x?xf32, ["h * 2", "w * 2"]>) -> ()
  }) {sym_name = "main", param_names = ["x0", "x1"]} : () -> ()
}
