// A chain of elementwise ops is one map; numbers are constants of its program.
// RUN: %ingot opt %s --passes=fuse_maps | %FileCheck %s
// CHECK: "ingot.map"(%0, %1) {prog = "(f32,f32) r2=mul(r0,r1):f32 r3=const(2.0):f32 r4=add(r2,r3):f32 r5=exp(r4):f32 -> r5"
module {
  "ingot.graph"() ({
  ^bb0(%0: tensor<2x4xf32>, %1: tensor<2x4xf32>):
    %2 = "ingot.mul"(%0, %1) {} : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
    %3 = "ingot.constant"() {value = dense<2.0> : tensor<f32>} : () -> tensor<f32>
    %4 = "ingot.add"(%2, %3) {} : (tensor<2x4xf32>, tensor<f32>) -> tensor<2x4xf32>
    %5 = "ingot.exp"(%4) {} : (tensor<2x4xf32>) -> tensor<2x4xf32>
    "ingot.return"(%5) {names = ["y"]} : (tensor<2x4xf32>) -> ()
  }) {sym_name = "main", param_names = ["x0", "x1"]} : () -> ()
}
