;; Arithmetic of the stand-in experts. WebAssembly SIMD without relaxed operations: a product is rounded before it is
;; added, sums run in ascending k, so that every machine computes the same bits. All matrices are row-major float32,
;; all addresses are bytes, 16-byte aligned.
(module
  (memory (import "epemu" "memory") 1)

  ;; c[rows × n] = a[rows × k] · b[k × n]; n is a multiple of 16. Tiles of 2 rows × 16 columns keep 8 accumulators,
  ;; 4 vectors of b and 1 broadcast in the 16 registers of SSE; the column loop is outermost so that a tile's part of b
  ;; stays in the first-level cache for all rows.
  (func (export "gemm")
    (param $a i32) (param $b i32) (param $c i32) (param $rows i32) (param $k i32) (param $n i32)
    (local $column i32) (local $row i32) (local $i i32)
    (local $aStride i32) (local $nStride i32)
    (local $pa i32) (local $pb i32) (local $pc i32)
    (local $b0 v128) (local $b1 v128) (local $b2 v128) (local $b3 v128) (local $s v128)
    (local $u0 v128) (local $u1 v128) (local $u2 v128) (local $u3 v128)
    (local $v0 v128) (local $v1 v128) (local $v2 v128) (local $v3 v128)
    (local.set $aStride (i32.shl (local.get $k) (i32.const 2)))
    (local.set $nStride (i32.shl (local.get $n) (i32.const 2)))
    (block $done
      (loop $columns
        (br_if $done (i32.ge_s (local.get $column) (local.get $nStride)))
        (local.set $row (i32.const 0))
        (local.set $pc (i32.add (local.get $c) (local.get $column)))

        (block $pairsDone
          (loop $pairs
            (br_if $pairsDone (i32.gt_s (i32.add (local.get $row) (i32.const 2)) (local.get $rows)))
            (local.set $pa (i32.add (local.get $a) (i32.mul (local.get $row) (local.get $aStride))))
            (local.set $pb (i32.add (local.get $b) (local.get $column)))
            (local.set $u0 (v128.const f32x4 0 0 0 0)) (local.set $u1 (v128.const f32x4 0 0 0 0))
            (local.set $u2 (v128.const f32x4 0 0 0 0)) (local.set $u3 (v128.const f32x4 0 0 0 0))
            (local.set $v0 (v128.const f32x4 0 0 0 0)) (local.set $v1 (v128.const f32x4 0 0 0 0))
            (local.set $v2 (v128.const f32x4 0 0 0 0)) (local.set $v3 (v128.const f32x4 0 0 0 0))
            (local.set $i (local.get $k))
            (loop $inner
              (local.set $b0 (v128.load (local.get $pb)))
              (local.set $b1 (v128.load offset=16 (local.get $pb)))
              (local.set $b2 (v128.load offset=32 (local.get $pb)))
              (local.set $b3 (v128.load offset=48 (local.get $pb)))
              (local.set $s (v128.load32_splat (local.get $pa)))
              (local.set $u0 (f32x4.add (local.get $u0) (f32x4.mul (local.get $s) (local.get $b0))))
              (local.set $u1 (f32x4.add (local.get $u1) (f32x4.mul (local.get $s) (local.get $b1))))
              (local.set $u2 (f32x4.add (local.get $u2) (f32x4.mul (local.get $s) (local.get $b2))))
              (local.set $u3 (f32x4.add (local.get $u3) (f32x4.mul (local.get $s) (local.get $b3))))
              (local.set $s (v128.load32_splat (i32.add (local.get $pa) (local.get $aStride))))
              (local.set $v0 (f32x4.add (local.get $v0) (f32x4.mul (local.get $s) (local.get $b0))))
              (local.set $v1 (f32x4.add (local.get $v1) (f32x4.mul (local.get $s) (local.get $b1))))
              (local.set $v2 (f32x4.add (local.get $v2) (f32x4.mul (local.get $s) (local.get $b2))))
              (local.set $v3 (f32x4.add (local.get $v3) (f32x4.mul (local.get $s) (local.get $b3))))
              (local.set $pa (i32.add (local.get $pa) (i32.const 4)))
              (local.set $pb (i32.add (local.get $pb) (local.get $nStride)))
              (local.set $i (i32.sub (local.get $i) (i32.const 1)))
              (br_if $inner (local.get $i)))
            (v128.store (local.get $pc) (local.get $u0))
            (v128.store offset=16 (local.get $pc) (local.get $u1))
            (v128.store offset=32 (local.get $pc) (local.get $u2))
            (v128.store offset=48 (local.get $pc) (local.get $u3))
            (local.set $pc (i32.add (local.get $pc) (local.get $nStride)))
            (v128.store (local.get $pc) (local.get $v0))
            (v128.store offset=16 (local.get $pc) (local.get $v1))
            (v128.store offset=32 (local.get $pc) (local.get $v2))
            (v128.store offset=48 (local.get $pc) (local.get $v3))
            (local.set $pc (i32.add (local.get $pc) (local.get $nStride)))
            (local.set $row (i32.add (local.get $row) (i32.const 2)))
            (br $pairs)))

        ;; The odd row.
        (if (i32.lt_s (local.get $row) (local.get $rows))
          (then
            (local.set $pa (i32.add (local.get $a) (i32.mul (local.get $row) (local.get $aStride))))
            (local.set $pb (i32.add (local.get $b) (local.get $column)))
            (local.set $u0 (v128.const f32x4 0 0 0 0)) (local.set $u1 (v128.const f32x4 0 0 0 0))
            (local.set $u2 (v128.const f32x4 0 0 0 0)) (local.set $u3 (v128.const f32x4 0 0 0 0))
            (local.set $i (local.get $k))
            (loop $innerOdd
              (local.set $s (v128.load32_splat (local.get $pa)))
              (local.set $u0 (f32x4.add (local.get $u0) (f32x4.mul (local.get $s) (v128.load (local.get $pb)))))
              (local.set $u1 (f32x4.add (local.get $u1) (f32x4.mul (local.get $s) (v128.load offset=16 (local.get $pb)))))
              (local.set $u2 (f32x4.add (local.get $u2) (f32x4.mul (local.get $s) (v128.load offset=32 (local.get $pb)))))
              (local.set $u3 (f32x4.add (local.get $u3) (f32x4.mul (local.get $s) (v128.load offset=48 (local.get $pb)))))
              (local.set $pa (i32.add (local.get $pa) (i32.const 4)))
              (local.set $pb (i32.add (local.get $pb) (local.get $nStride)))
              (local.set $i (i32.sub (local.get $i) (i32.const 1)))
              (br_if $innerOdd (local.get $i)))
            (v128.store (local.get $pc) (local.get $u0))
            (v128.store offset=16 (local.get $pc) (local.get $u1))
            (v128.store offset=32 (local.get $pc) (local.get $u2))
            (v128.store offset=48 (local.get $pc) (local.get $u3))))

        (local.set $column (i32.add (local.get $column) (i32.const 64)))
        (br $columns))))

  ;; h = a / (1 + |a|) for count values, a multiple of 4; h may be a.
  (func (export "softsign") (param $a i32) (param $h i32) (param $count i32)
    (local $end i32) (local $x v128)
    (local.set $end (i32.add (local.get $a) (i32.shl (local.get $count) (i32.const 2))))
    (block $done
      (loop $values
        (br_if $done (i32.ge_u (local.get $a) (local.get $end)))
        (local.set $x (v128.load (local.get $a)))
        (v128.store (local.get $h)
          (f32x4.div (local.get $x)
            (f32x4.add (v128.const f32x4 1 1 1 1) (f32x4.abs (local.get $x)))))
        (local.set $a (i32.add (local.get $a) (i32.const 16)))
        (local.set $h (i32.add (local.get $h) (i32.const 16)))
        (br $values))))

  ;; g = g · softsign'(a) = g / (1 + |a|)² in place, for count values, a multiple of 4.
  (func (export "softsignGradient") (param $a i32) (param $g i32) (param $count i32)
    (local $end i32) (local $d v128)
    (local.set $end (i32.add (local.get $a) (i32.shl (local.get $count) (i32.const 2))))
    (block $done
      (loop $values
        (br_if $done (i32.ge_u (local.get $a) (local.get $end)))
        (local.set $d
          (f32x4.add (v128.const f32x4 1 1 1 1) (f32x4.abs (v128.load (local.get $a)))))
        (v128.store (local.get $g)
          (f32x4.div (v128.load (local.get $g)) (f32x4.mul (local.get $d) (local.get $d))))
        (local.set $a (i32.add (local.get $a) (i32.const 16)))
        (local.set $g (i32.add (local.get $g) (i32.const 16)))
        (br $values))))
)
