// A convolution of dequantized values, its bias and the quantize after it: integers, and one scale for each channel.
// RUN: %ingot opt %s --passes=integer_products,canonicalize | %FileCheck %s
// CHECK: %[[SUM:.*]] = "ingot.conv_integer"(%0, {{.*}}pads = [1, 1, 1, 1]{{.*}} -> tensor<1x2x4x4xi32>
// CHECK: dense<{{\[\[\[}}100{{\]\]}}, {{\[\[}}-7{{\]\]\]}}> : tensor<2x1x1xi32>
// CHECK: %[[BIASED:.*]] = "ingot.add"(%[[SUM]],
// CHECK: %[[REAL:.*]] = "ingot.cast"(%[[BIASED]]) {to = 1
// CHECK: %[[SCALED:.*]] = "ingot.mul"(%[[REAL]],
// CHECK: "ingot.quantize"(%[[SCALED]],
// CHECK-NOT: ingot.dequantize
module {
  "ingot.graph"() ({
  ^bb0(%0: tensor<1x1x4x4xui8>):
    %1 = "ingot.constant"() {value = dense<0.5> : tensor<f32>} : () -> tensor<f32>
    %2 = "ingot.constant"() {value = dense<128> : tensor<ui8>} : () -> tensor<ui8>
    %3 = "ingot.dequantize"(%0, %1, %2) {axis = 0, block = 0, saturate = 1} : (tensor<1x1x4x4xui8>, tensor<f32>, tensor<ui8>) -> tensor<1x1x4x4xf32>
    %4 = "ingot.constant"() {value = dense<[[[[1, 2, 3], [4, 5, 6], [7, 8, 9]]], [[[-1, -2, -3], [-4, -5, -6], [-7, -8, -9]]]]> : tensor<2x1x3x3xi8>} : () -> tensor<2x1x3x3xi8>
    %5 = "ingot.constant"() {value = dense<[0.25, 0.125]> : tensor<2xf32>} : () -> tensor<2xf32>
    %6 = "ingot.dequantize"(%4, %5) {axis = 0, block = 0, saturate = 1} : (tensor<2x1x3x3xi8>, tensor<2xf32>) -> tensor<2x1x3x3xf32>
    %7 = "ingot.constant"() {value = dense<[100, -7]> : tensor<2xi32>} : () -> tensor<2xi32>
    %8 = "ingot.constant"() {value = dense<[0.125, 0.0625]> : tensor<2xf32>} : () -> tensor<2xf32>
    %9 = "ingot.dequantize"(%7, %8) {axis = 0, block = 0, saturate = 1} : (tensor<2xi32>, tensor<2xf32>) -> tensor<2xf32>
    %10 = "ingot.reshape"(%9) {sym = ["2", "1", "1"]} : (tensor<2xf32>) -> tensor<2x1x1xf32>
    %11 = "ingot.conv"(%3, %6) {groups = 1, strides = [1, 1], pads = [1, 1, 1, 1], dilations = [1, 1]} : (tensor<1x1x4x4xf32>, tensor<2x1x3x3xf32>) -> tensor<1x2x4x4xf32>
    %12 = "ingot.add"(%11, %10) : (tensor<1x2x4x4xf32>, tensor<2x1x1xf32>) -> tensor<1x2x4x4xf32>
    %13 = "ingot.quantize"(%12, %1, %2) {axis = 0, block = 0, saturate = 1} : (tensor<1x2x4x4xf32>, tensor<f32>, tensor<ui8>) -> tensor<1x2x4x4xui8>
    "ingot.return"(%13) {names = ["y"]} : (tensor<1x2x4x4xui8>) -> ()
  }) {sym_name = "main", param_names = ["x"]} : () -> ()
}
