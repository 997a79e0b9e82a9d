// Another constant under erf is another function.
// RUN: %ingot opt %s --passes=recognize_activations,canonicalize | %FileCheck %s
// CHECK-NOT: ingot.gelu
// CHECK: ingot.erf
module {
  "ingot.graph"() ({
  ^bb0(%0: tensor<2x4xf32>):
    %1 = "ingot.constant"() {value = dense<1.5> : tensor<f32>} : () -> tensor<f32>
    %2 = "ingot.div"(%0, %1) {} : (tensor<2x4xf32>, tensor<f32>) -> tensor<2x4xf32>
    %3 = "ingot.erf"(%2) {} : (tensor<2x4xf32>) -> tensor<2x4xf32>
    %4 = "ingot.constant"() {value = dense<1.0> : tensor<f32>} : () -> tensor<f32>
    %5 = "ingot.add"(%3, %4) {} : (tensor<2x4xf32>, tensor<f32>) -> tensor<2x4xf32>
    %6 = "ingot.constant"() {value = dense<0.5> : tensor<f32>} : () -> tensor<f32>
    %7 = "ingot.mul"(%0, %5) {} : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
    %8 = "ingot.mul"(%7, %6) {} : (tensor<2x4xf32>, tensor<f32>) -> tensor<2x4xf32>
    "ingot.return"(%8) {names = ["y"]} : (tensor<2x4xf32>) -> ()
  }) {sym_name = "main", param_names = ["x0"]} : () -> ()
}
