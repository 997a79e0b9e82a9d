// Values between convolutions are in blocks; inputs and outputs are plain.
// RUN: %ingot opt %s --passes=layout | %FileCheck %s
// CHECK: "ingot.relayout"(%0) {layout = 1}
// CHECK: "ingot.conv"{{.*}}-> tensor<1x16x8x8xf32, {layout = "c16"}>
// CHECK: "ingot.relu"{{.*}}-> tensor<1x16x8x8xf32, {layout = "c16"}>
// CHECK: "ingot.conv"
// CHECK: "ingot.relayout"{{.*}}{layout = 0}
// CHECK-NOT: ingot.relayout
module {
  "ingot.graph"() ({
  ^bb0(%0: tensor<1x16x8x8xf32>):
    %1 = "ingot.constant"() {value = dense<0.5> : tensor<16x16x1x1xf32>} : () -> tensor<16x16x1x1xf32>
    %2 = "ingot.conv"(%0, %1) {groups = 1, strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1]} : (tensor<1x16x8x8xf32>, tensor<16x16x1x1xf32>) -> tensor<1x16x8x8xf32>
    %3 = "ingot.relu"(%2) {} : (tensor<1x16x8x8xf32>) -> tensor<1x16x8x8xf32>
    %4 = "ingot.conv"(%3, %1) {groups = 1, strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1]} : (tensor<1x16x8x8xf32>, tensor<16x16x1x1xf32>) -> tensor<1x16x8x8xf32>
    "ingot.return"(%4) {names = ["y"]} : (tensor<1x16x8x8xf32>) -> ()
  }) {sym_name = "main", param_names = ["x0"]} : () -> ()
}
