// Layer norm from its parts, with scale and bias.
// RUN: %ingot opt %s --passes=recognize_norms,canonicalize | %FileCheck %s
// CHECK: ^bb0
// CHECK-NEXT: %{{.*}} = "ingot.layer_norm"(%0, %1, %2) {axis = 1, epsilon = 
module {
  "ingot.graph"() ({
  ^bb0(%0: tensor<2x4xf32>, %1: tensor<4xf32>, %2: tensor<4xf32>):
    %3 = "ingot.reduce"(%0) {kind = "mean", axes = [1], keepdims = 1} : (tensor<2x4xf32>) -> tensor<2x1xf32>
    %4 = "ingot.sub"(%0, %3) {} : (tensor<2x4xf32>, tensor<2x1xf32>) -> tensor<2x4xf32>
    %5 = "ingot.mul"(%4, %4) {} : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
    %6 = "ingot.reduce"(%5) {kind = "mean", axes = [1], keepdims = 1} : (tensor<2x4xf32>) -> tensor<2x1xf32>
    %7 = "ingot.constant"() {value = dense<0.00001> : tensor<f32>} : () -> tensor<f32>
    %8 = "ingot.add"(%6, %7) {} : (tensor<2x1xf32>, tensor<f32>) -> tensor<2x1xf32>
    %9 = "ingot.sqrt"(%8) {} : (tensor<2x1xf32>) -> tensor<2x1xf32>
    %10 = "ingot.div"(%4, %9) {} : (tensor<2x4xf32>, tensor<2x1xf32>) -> tensor<2x4xf32>
    %11 = "ingot.mul"(%10, %1) {} : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
    %12 = "ingot.add"(%11, %2) {} : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
    "ingot.return"(%12) {names = ["y"]} : (tensor<2x4xf32>) -> ()
  }) {sym_name = "main", param_names = ["x0", "x1", "x2"]} : () -> ()
}
