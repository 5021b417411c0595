// Builds the demo assets that the `forebay` binary embeds: the membership circuit on both curves, with three inputs.
//
//   node circuits/build.mjs            write crates/cli/assets
//   node circuits/build.mjs --check    rebuild and compare with what is committed; exit status 1 if anything differs
//   --modules DIR                      where the npm packages are, if not in circuits/node_modules
//
// Needs `npm ci` in this folder first (or --modules). Nothing in the output depends on the machine, the clock or the folder.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { basename, dirname, join, parse, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, brotliDecompressSync, constants } from "node:zlib";
import { fields, hash } from "./poseidon/constants.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const assets = join(here, "..", "crates", "cli", "assets");
const given = process.argv.indexOf("--modules");
const modules = given < 0 ? join(here, "node_modules") : resolve(process.argv[given + 1]);
const require = createRequire(import.meta.url);

// circom's names of the primes.
const primes = { bn254: "bn128", "bls12-381": "bls12381" };

const depth = 20;
// Where the three members of the demo sit in the tree: neighbours (0 and 1) and one far away.
const members = [0, 1, 777_777];

/** Compiles one circuit for a field into `out`; answers the paths of what the compiler wrote. */
function compile(source, { name: field }, out) {
  mkdirSync(out, { recursive: true });
  const circom = join(modules, "circom2", "cli.js");
  const library = join(here, "poseidon", field);
  const args = [circom, source, "--r1cs", "--wasm", "--O2", "-p", primes[field], "-o", out, "-l", library];
  // circom2 finds included files only below the folder that it runs in.
  execFileSync(process.execPath, args, { cwd: parse(here).root, stdio: ["ignore", "ignore", "inherit"] });
  const name = basename(source, ".circom");
  const js = join(out, `${name}_js`);
  return {
    r1cs: join(out, `${name}.r1cs`),
    wasm: join(js, `${name}.wasm`),
    calculator: join(js, "witness_calculator.js"),
  };
}

/** A function that runs a compiled circuit and answers its outputs, root and nullifier. */
async function runner({ wasm, calculator }, out) {
  // The emitted calculator is CommonJS while this package is ESM: give it the extension that says so.
  const copy = join(out, "calculator.cjs");
  writeFileSync(copy, readFileSync(calculator));
  const build = require(copy);
  const witness = await build(readFileSync(wasm));
  return async (input) => (await witness.calculateWitness(input, true)).slice(1, 3);
}

/** A field element that nobody chose: the hash of a label. */
const element = (label, r) => BigInt("0x" + createHash("sha512").update(label).digest("hex")) % r;

/** The inputs of the three members and the outputs to expect: one tree, so that all three proofs show the same root. */
function membersOf(field) {
  const secrets = members.map((_, i) => element(`forebay demo: secret of member ${i + 1}`, field.r));
  let level = new Map(members.map((index, i) => [index, hash(field, secrets[i])]));

  const siblings = members.map(() => []);
  const at = [...members];
  let empty = 0n;
  for (let height = 0; height < depth; height++) {
    const node = (index) => level.get(index) ?? empty;
    for (const i of members.keys()) {
      siblings[i].push(node(at[i] ^ 1).toString());
      at[i] >>= 1;
    }
    const parents = new Set([...level.keys()].map((index) => index >> 1));
    level = new Map([...parents].map((index) => [index, hash(field, node(2 * index), node(2 * index + 1))]));
    empty = hash(field, empty, empty);
  }
  const externalNullifier = element("forebay demo: ballot 1", field.r);
  return members.map((leafIndex, i) => ({
    input: {
      secret: secrets[i].toString(),
      leafIndex,
      siblings: siblings[i],
      externalNullifier: externalNullifier.toString(),
    },
    outputs: [level.get(0), hash(field, secrets[i], externalNullifier)],
  }));
}

/** Every asset as [path below the assets folder, content]. */
async function build(work) {
  const files = [];
  for (const field of fields) {
    const out = join(work, field.name);
    const circuit = compile(join(here, "membership.circom"), field, out);
    const run = await runner(circuit, out);
    for (const [i, { input, outputs }] of membersOf(field).entries()) {
      const found = await run(input);
      if (found.join() !== outputs.join()) throw new Error(`${field.name}: member ${i + 1} has outputs ${found}`);
      files.push([`${field.name}/inputs/member-${i + 1}.json`, Buffer.from(JSON.stringify(input, null, 2) + "\n")]);
    }
    files.push([`${field.name}/membership.r1cs.br`, readFileSync(circuit.r1cs)]);
    files.push([`${field.name}/membership.wasm.br`, readFileSync(circuit.wasm)]);
  }
  return files;
}

const compress = (content) =>
  brotliCompressSync(content, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
      [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS,
      [constants.BROTLI_PARAM_SIZE_HINT]: content.length,
    },
  });

/** Compares contents, not compressed bytes: another Brotli version may compress differently. */
function same(path, content) {
  if (!existsSync(path)) return false;
  const found = readFileSync(path);
  return content.equals(path.endsWith(".br") ? brotliDecompressSync(found) : found);
}

const check = process.argv.includes("--check");
const work = mkdtempSync(join(tmpdir(), "forebay-circuits-"));
try {
  let differs = 0;
  for (const [path, content] of await build(work)) {
    const to = join(assets, path);
    const shown = relative(join(here, ".."), to);
    if (check) {
      const equal = same(to, content);
      console.log(`${equal ? "same   " : "DIFFERS"} ${shown}`);
      differs += equal ? 0 : 1;
      continue;
    }
    const stored = path.endsWith(".br") ? compress(content) : content;
    mkdirSync(dirname(to), { recursive: true });
    writeFileSync(to, stored);
    console.log(`${shown}: ${content.length} bytes, ${stored.length} stored`);
  }
  process.exitCode = differs === 0 ? 0 : 1;
} finally {
  rmSync(work, { recursive: true, force: true });
}
