// RMS norm by reciprocal of a square root.
// RUN: %ingot opt %s --passes=recognize_norms,canonicalize | %FileCheck %s
// CHECK: "ingot.rms_norm"(%0, %1)
module {
  "ingot.graph"() ({
  ^bb0(%0: tensor<2x4xf32>, %1: tensor<4xf32>):
    %3 = "ingot.mul"(%0, %0) {} : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
    %4 = "ingot.reduce"(%3) {kind = "mean", axes = [1], keepdims = 1} : (tensor<2x4xf32>) -> tensor<2x1xf32>
    %5 = "ingot.constant"() {value = dense<0.00001> : tensor<f32>} : () -> tensor<f32>
    %6 = "ingot.add"(%4, %5) {} : (tensor<2x1xf32>, tensor<f32>) -> tensor<2x1xf32>
    %7 = "ingot.sqrt"(%6) {} : (tensor<2x1xf32>) -> tensor<2x1xf32>
    %8 = "ingot.reciprocal"(%7) {} : (tensor<2x1xf32>) -> tensor<2x1xf32>
    %9 = "ingot.mul"(%0, %8) {} : (tensor<2x4xf32>, tensor<2x1xf32>) -> tensor<2x4xf32>
    %10 = "ingot.mul"(%9, %1) {} : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
    "ingot.return"(%10) {names = ["y"]} : (tensor<2x4xf32>) -> ()
  }) {sym_name = "main", param_names = ["x0", "x1"]} : () -> ()
}
