// Bias and activation go into the matmul.
// RUN: %ingot opt %s --passes=fuse_epilogues | %FileCheck %s
// CHECK: "ingot.matmul"(%0, %1, %2) {{.*}}prog = "(f32,f32) r2=add(r0,r1):f32 r3=gelu(r2):f32 -> r3", n_base = 2
// CHECK-NEXT: ingot.return
module {
  "ingot.graph"() ({
  ^bb0(%0: tensor<2x4xf32>, %1: tensor<4x5xf32>, %2: tensor<5xf32>):
    %3 = "ingot.matmul"(%0, %1) {trans_a = 0, trans_b = 0} : (tensor<2x4xf32>, tensor<4x5xf32>) -> tensor<2x5xf32>
    %4 = "ingot.add"(%3, %2) {} : (tensor<2x5xf32>, tensor<5xf32>) -> tensor<2x5xf32>
    %5 = "ingot.gelu"(%4) {} : (tensor<2x5xf32>) -> tensor<2x5xf32>
    "ingot.return"(%5) {names = ["y"]} : (tensor<2x5xf32>) -> ()
  }) {sym_name = "main", param_names = ["x0", "x1", "x2"]} : () -> ()
}
