// A quantized sum of two dequantized values is one affine form: zero points and scales are folded into three numbers.
// RUN: %ingot opt %s --passes=integer_products,canonicalize | %FileCheck %s
// CHECK-DAG: %[[K:.*]] = "ingot.constant"() {value = dense<-1.0> : tensor<f32>}
// CHECK: %[[B:.*]] = "ingot.fma"({{.*}}, %[[K]])
// CHECK: %[[A:.*]] = "ingot.fma"({{.*}}, %[[B]])
// CHECK: "ingot.quantize"(%[[A]],
// CHECK-NOT: ingot.dequantize
module {
  "ingot.graph"() ({
  ^bb0(%0: tensor<4xui8>, %1: tensor<4xui8>):
    %2 = "ingot.constant"() {value = dense<0.5> : tensor<f32>} : () -> tensor<f32>
    %3 = "ingot.constant"() {value = dense<0.25> : tensor<f32>} : () -> tensor<f32>
    %4 = "ingot.constant"() {value = dense<2> : tensor<ui8>} : () -> tensor<ui8>
    %5 = "ingot.dequantize"(%0, %2, %4) {axis = 0, block = 0, saturate = 1} : (tensor<4xui8>, tensor<f32>, tensor<ui8>) -> tensor<4xf32>
    %6 = "ingot.dequantize"(%1, %3, %4) {axis = 0, block = 0, saturate = 1} : (tensor<4xui8>, tensor<f32>, tensor<ui8>) -> tensor<4xf32>
    %7 = "ingot.add"(%5, %6) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    %8 = "ingot.quantize"(%7, %2, %4) {axis = 0, block = 0, saturate = 1} : (tensor<4xf32>, tensor<f32>, tensor<ui8>) -> tensor<4xui8>
    "ingot.return"(%8) {names = ["y"]} : (tensor<4xui8>) -> ()
  }) {sym_name = "main", param_names = ["a", "b"]} : () -> ()
}
