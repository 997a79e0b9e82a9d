// quantize becomes division, rounding, clamping and a cast.
// RUN: %ingot opt %s --passes=decompose | %FileCheck %s
// CHECK-NOT: ingot.quantize
// CHECK: ingot.div
// CHECK: ingot.round
// CHECK: ingot.add
// CHECK: ingot.max
// CHECK: ingot.min
// CHECK: "ingot.cast"{{.*}}to = 2
module {
  "ingot.graph"() ({
  ^bb0(%0: tensor<2x4xf32>):
    %1 = "ingot.constant"() {value = dense<0.5> : tensor<f32>} : () -> tensor<f32>
    %2 = "ingot.constant"() {value = dense<3> : tensor<ui8>} : () -> tensor<ui8>
    %3 = "ingot.quantize"(%0, %1, %2) {axis = 1, block = 0, saturate = 1} : (tensor<2x4xf32>, tensor<f32>, tensor<ui8>) -> tensor<2x4xui8>
    "ingot.return"(%3) {names = ["y"]} : (tensor<2x4xui8>) -> ()
  }) {sym_name = "main", param_names = ["x0"]} : () -> ()
}
