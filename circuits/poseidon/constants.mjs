// The constants of Poseidon for both scalar fields, and the permutation itself, as a second opinion on the circuits.
//
//   node circuits/poseidon/constants.mjs            write {bn254,bls12-381}/poseidon_constants.circom
//   node circuits/poseidon/constants.mjs --check    compare them with what is committed; exit status 1 on a difference
//   node circuits/poseidon/constants.mjs --print    all constants as JSON
//
// Source: Grassi, Khovratovich, Rechberger, Roy, Schofnegger, "Poseidon: A New Hash Function for Zero-Knowledge Proof
// Systems", https://eprint.iacr.org/2019/458: round numbers, Grain LFSR and Cauchy matrix, drawn in the order of the
// authors' generate_parameters_grain.sage. That script also rejects matrices with infinitely long subspace trails; the
// test is not repeated here, because what the authors and others published for these instances
// (crates/testkit/tests/poseidon.rs) has the first matrix.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The scalar fields: folder, modulus and its length in bits. */
export const fields = [
  { name: "bn254", r: 0x30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000001n, bits: 254 },
  { name: "bls12-381", r: 0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001n, bits: 255 },
];

/** Rounds by width t, for alpha = 5 and 128-bit security: `full` is the paper's R_F, `partial` its R_P. */
export const rounds = {
  2: { full: 8, partial: 56 },
  3: { full: 8, partial: 57 },
};

/** The Grain LFSR in self-shrinking mode, seeded with the instance; answers a function that draws n-bit integers. */
function grain(bits, t, { full, partial }) {
  const field = (value, width) => [...value.toString(2).padStart(width, "0")].map(Number);
  // A prime field (1), the S-box x^alpha (0), then the sizes, then ones: 80 bits.
  const seed = [field(1, 2), field(0, 4), field(bits, 12), field(t, 12), field(full, 10), field(partial, 10)];
  const state = [...seed.flat(), ...Array(30).fill(1)];
  const step = () => {
    const bit = state[62] ^ state[51] ^ state[38] ^ state[23] ^ state[13] ^ state[0];
    state.shift();
    state.push(bit);
    return bit;
  };
  for (let i = 0; i < 160; i++) step();
  // Of each pair of bits, the first says whether the second counts.
  const draw = () => {
    while (step() === 0) step();
    return step();
  };
  return (n) => {
    let value = 0n;
    for (let i = 0; i < n; i++) value = (value << 1n) | BigInt(draw());
    return value;
  };
}

function power(base, exponent, r) {
  let result = 1n;
  for (let b = base % r, e = exponent; e > 0n; e >>= 1n, b = (b * b) % r) if (e & 1n) result = (result * b) % r;
  return result;
}

/**
 * The constants of width t: `roundConstants`, t per round, and the matrix `mds`, by rows.
 *
 * Round constants are drawn until below r. The matrix is 1/(x_i + y_j) over the next 2t draws, reduced; draws that
 * collide, or that make a denominator zero, are drawn again together.
 */
export function constants({ r, bits }, t) {
  const { full, partial } = rounds[t];
  const random = grain(bits, t, rounds[t]);
  const roundConstants = Array.from({ length: (full + partial) * t }, () => {
    let value = random(bits);
    while (value >= r) value = random(bits);
    return value;
  });
  for (;;) {
    const points = Array.from({ length: 2 * t }, () => random(bits) % r);
    const [x, y] = [points.slice(0, t), points.slice(t)];
    const distinct = new Set(points).size === 2 * t;
    if (!distinct || x.some((x) => y.some((y) => (x + y) % r === 0n))) continue;
    const mds = x.map((x) => y.map((y) => power(x + y, r - 2n, r)));
    return { roundConstants, mds };
  }
}

/** The permutation of a state of t = 2 or 3 field elements. */
export function permute(field, input) {
  const t = input.length;
  const { r } = field;
  const { full, partial } = rounds[t];
  const { roundConstants, mds } = constantsOnce(field, t);
  let state = input;
  for (let round = 0; round < full + partial; round++) {
    const isFull = round < full / 2 || round >= full / 2 + partial;
    const mixed = state
      .map((s, i) => (s + roundConstants[round * t + i]) % r)
      .map((s, i) => (isFull || i === 0 ? power(s, 5n, r) : s));
    state = mds.map((row) => row.reduce((sum, m, j) => (sum + m * mixed[j]) % r, 0n));
  }
  return state;
}

/** Poseidon of one or of two elements: the first element of the permuted (0, inputs...). */
export const hash = (field, ...inputs) => permute(field, [0n, ...inputs])[0];

const known = new Map();
function constantsOnce(field, t) {
  const key = `${field.name} ${t}`;
  if (!known.has(key)) known.set(key, constants(field, t));
  return known.get(key);
}

/** The circom source of a field's constants. */
function circom(field) {
  const hex = (value) => "0x" + value.toString(16).padStart(64, "0");
  const indent = (text) => text.replace(/^/gm, "    ");
  const list = (values) => `[\n${indent(values.join(",\n"))}\n]`;
  // A function of the width; `otherwise` is only there because circom wants a value on every path.
  const byWidth = (name, value, otherwise) => {
    const cases = Object.keys(rounds).map((t) => `if (t == ${t}) {\n${indent(`return ${value(t)};`)}\n}`);
    return `function ${name}(t) {\n${indent(`${cases.join("\n")}\nassert(0);\nreturn ${otherwise};`)}\n}`;
  };
  const of = (t) => constants(field, Number(t));
  return `pragma circom 2.2.3;

// Poseidon's constants for the scalar field of ${field.name}, by width t. Made by ../constants.mjs, not edited by hand.

// The number of partial rounds, beside 8 full ones.
${byWidth("poseidon_partial_rounds", (t) => rounds[t].partial, "0")}

// t constants per round.
${byWidth("poseidon_round_constants", (t) => list(of(t).roundConstants.map(hex)), "[0]")}

// The matrix that ends every round, by rows.
${byWidth("poseidon_matrix", (t) => list(of(t).mds.map((row) => list(row.map(hex)))), "[[0]]")}
`;
}

function main() {
  if (process.argv.includes("--print")) {
    const all = fields.map((f) => [f.name, Object.fromEntries([2, 3].map((t) => [t, constants(f, t)]))]);
    const text = (_, value) => (typeof value === "bigint" ? value.toString() : value);
    console.log(JSON.stringify(Object.fromEntries(all), text, 1));
    return;
  }
  for (const field of fields) {
    const folder = join(dirname(fileURLToPath(import.meta.url)), field.name);
    const file = join(folder, "poseidon_constants.circom");
    const content = circom(field);
    if (process.argv.includes("--check")) {
      const same = existsSync(file) && readFileSync(file, "utf8") === content;
      console.log(`${same ? "same   " : "DIFFERS"} ${file}`);
      if (!same) process.exitCode = 1;
      continue;
    }
    mkdirSync(folder, { recursive: true });
    writeFileSync(file, content);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
