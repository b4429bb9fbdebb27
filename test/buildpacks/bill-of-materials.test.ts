import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { cycloneDxProblems, purlsOf, spdxProblems } from "./bill-of-materials.ts";
import { PYTHON_PATH, skipWithoutPython } from "./python-tools.ts";
import { skipWithout } from "./require-tools.ts";
import { buildpackDirectory } from "./workspace.ts";

const root = mkdtempSync(join(tmpdir(), "tspack-materials-"));
const jq = skipWithout("bash", "jq", "sha256sum");
const python = skipWithoutPython();
const lib = (id: string, file: string): string => join(buildpackDirectory(id), "lib", file);
const sample = (path: string): string => join(buildpackDirectory("."), "../samples", path);
const read = (path: string): unknown => JSON.parse(readFileSync(path, "utf8")) as unknown;

/** Both documents of a buildpack. */
type Documents = () => { readonly cdx: unknown; readonly spdx: unknown };

function ofLock(id: string, lock: string): ReturnType<Documents> {
  const application = join(lock, "..");
  const make = (format: string): unknown =>
    JSON.parse(
      execFileSync(process.execPath, [lib(id, "sbom.mjs"), lock, "production", application, format]).toString(),
    ) as unknown;
  return { cdx: make("cyclonedx"), spdx: make("spdx") };
}

/** Runs a function of the library of a buildpack that writes both files beside a layer. */
function ofShell(id: string, file: string, layer: string, call: string): ReturnType<Documents> {
  const script = `set -eu; source "${lib(id, file)}"; LAYERS="${root}" ${call}`;
  execFileSync("bash", ["-c", script], { stdio: ["ignore", "ignore", "inherit"] });
  return { cdx: read(join(root, `${layer}.sbom.cdx.json`)), spdx: read(join(root, `${layer}.sbom.spdx.json`)) };
}

function ofInit(): ReturnType<Documents> {
  mkdirSync(join(root, "init/bin"), { recursive: true });
  writeFileSync(join(root, "init/bin/init"), "a program");
  const call = `BUILDPACK_DIR="${buildpackDirectory("init")}" write_sbom "2.36-9+deb12u13 arm64"`;
  return ofShell("init", "program.sh", "init", call);
}

function ofModules(): ReturnType<Documents> {
  const input = [
    "\tdep\tgithub.com/B/c\tv1.0.0+incompatible\th1:AAAA=",
    "\tdep\texample.com/local\tv1.0.0",
    "\t=>\t./local\t(devel)\t",
  ].join("\n");
  const modules = execFileSync("jq", ["-R", "-s", "--arg", "go", "1.26.1", "-f", lib("go-build", "modules.jq")], {
    input,
  });
  const make = (file: string): unknown =>
    JSON.parse(
      execFileSync("jq", ["--arg", "key", "k", "-f", lib("go-build", file)], { input: modules }).toString(),
    ) as unknown;
  return { cdx: make("cyclonedx.jq"), spdx: make("spdx.jq") };
}

function ofDebs(hashes: readonly string[]): ReturnType<Documents> {
  const packages = join(root, "packages");
  const lines = hashes.map(
    (hash, index) => `g++-${index}\t1:2.0~rc1-1+b${index}\tamd64\tgcc\t2.0~rc1-1\thttps://gcc.test/\t${hash}\n`,
  );
  writeFileSync(packages, lines.join(""));
  const variables = ["layer", "launch-packages", "distro", "debian", "version", "12"];
  const make = (format: string): unknown => {
    const digest = execFileSync("sha256sum", [packages]).toString().slice(0, 64);
    const pairs = [...variables, "format", format, "content", digest];
    const args = pairs.flatMap((word, index) => (index % 2 === 0 ? ["--arg", word] : [word]));
    return JSON.parse(
      execFileSync("jq", ["-R", "-n", ...args, "-f", lib("deb-packages", "sbom.jq"), packages]).toString(),
    ) as unknown;
  };
  return { cdx: make("cdx"), spdx: make("spdx") };
}

function ofEnvironment(id: string): ReturnType<Documents> {
  const environment = { PATH: PYTHON_PATH };
  const version = execFileSync("python3", ["-c", "import sys; print('%d.%d' % sys.version_info[:2])"], {
    env: environment,
  });
  const site = join(root, "venv", "lib", `python${version.toString().trim()}`, "site-packages");
  const distributions = {
    "Zope_Interface-1.0":
      "Name: Zope.Interface\nVersion: 1.0\nClassifier: License :: OSI Approved :: Zope Public License",
    "local-1.0": "Name: local\nVersion: 1.0+cpu.1\nLicense-Expression: MIT OR Apache-2.0",
  };
  for (const [name, metadata] of Object.entries(distributions)) {
    mkdirSync(join(site, `${name}.dist-info`), { recursive: true });
    writeFileSync(join(site, `${name}.dist-info/METADATA`), `Metadata-Version: 2.1\n${metadata}\n`);
  }
  writeFileSync(join(root, "requirements"), `zope-interface==1.0 --hash=sha256:${"a".repeat(64)}\n`);
  const args = [lib(id, "sbom.py"), join(root, "venv"), join(root, "requirements"), join(root, "venv")];
  execFileSync("python3", args, { env: environment });
  return { cdx: read(join(root, "venv.sbom.cdx.json")), spdx: read(join(root, "venv.sbom.spdx.json")) };
}

function ofJar(): ReturnType<Documents> {
  const application = join(root, "jar");
  mkdirSync(application);
  const program = `
import os, sys, zipfile
sys.path.insert(0, sys.argv[1])
import archive, materials
def jar(name, files):
    os.makedirs(os.path.dirname(os.path.abspath(name)), exist_ok=True)
    with zipfile.ZipFile(name, "w") as file:
        for path, text in files.items(): file.writestr(path, text)
def pom(group, name): return {f"META-INF/maven/{group}/{name}/pom.properties": f"groupId={group}\\nartifactId={name}\\nversion=1.0+x\\n"}
os.chdir(sys.argv[2])
jar("lib/known-1.0+x.jar", pom("org.test", "known"))
jar("lib/unknown.jar", {"b": ""})
libraries = "lib/known-1.0+x.jar lib/unknown.jar"
jar("app.jar", {"META-INF/MANIFEST.MF": f"Main-Class: a.Main\\nClass-Path: {libraries}\\n\\n"} | pom("org.test", "app"))
application = archive.open_application(os.getcwd())
materials.write(sys.argv[2], application, materials.libraries_of(application, ""))
`;
  execFileSync("python3", ["-B", "-c", program, join(buildpackDirectory("java-jar"), "lib"), application], {
    env: { PATH: PYTHON_PATH },
  });
  return {
    cdx: read(join(application, "launch.sbom.cdx.json")),
    spdx: read(join(application, "launch.sbom.spdx.json")),
  };
}

const HASHES = ["a", "b"].map((letter) => letter.repeat(64));
const cases: readonly (readonly [string, number, boolean, Documents])[] = [
  ["npm-install", 60, false, () => ofLock("npm-install", sample("node-express/package-lock.json"))],
  ["pnpm-install", 3, false, () => ofLock("pnpm-install", sample("node-pnpm-workspace/pnpm-lock.yaml"))],
  ["yarn-install", 3, false, () => ofLock("yarn-install", sample("node-yarn/yarn.lock"))],
  ["nodejs", 1, jq.skip, () => ofShell("nodejs", "layers.sh", "node", "node_sbom x64 22.1.0")],
  ["go", 1, jq.skip, () => ofShell("go", "layer.sh", "go", "VERSION=1.26.1 ARCH=amd64 SUM=h1:AAAA= write_sbom")],
  ["go-build", 3, jq.skip, ofModules],
  ["init", 2, jq.skip, ofInit],
  ["deb-packages", 2, jq.skip, () => ofDebs(HASHES)],
  ["pip-install", 2, python.skip, () => ofEnvironment("pip-install")],
  ["java-jar", 3, python.skip, ofJar],
];

describe("bills of materials", () => {
  afterAll(() => {
    rmSync(root, { recursive: true });
  });

  for (const [id, least, skip, documents] of cases) {
    it.skipIf(skip)(`of ${id} are valid, and say the same in both formats`, () => {
      const { cdx, spdx } = documents();
      expect(cycloneDxProblems(cdx)).toEqual([]);
      expect(spdxProblems(spdx)).toEqual([]);
      expect(purlsOf(cdx).length).toBeGreaterThanOrEqual(least);
      expect(purlsOf(spdx)).toEqual(purlsOf(cdx));
    });
  }

  it.skipIf(jq.skip)("of other packages are other documents of SPDX, as their namespaces say", () => {
    const [first, other] = [ofDebs(HASHES).spdx, ofDebs([HASHES[0] ?? "", "c".repeat(64)]).spdx].map(
      (document) => (document as { readonly documentNamespace: string }).documentNamespace,
    );
    expect(first).not.toBe(other);
  });

  it("that lack what the formats require are found out", () => {
    const purl = "pkg:npm/a@1";
    const component = {
      type: "library",
      name: "a",
      "bom-ref": purl,
      purl,
      hashes: [{ alg: "SHA-512", content: "01" }],
    };
    const cdx = { bomFormat: "CycloneDX", specVersion: "1.5", version: 1, components: [component, component] };
    expect(cycloneDxProblems(cdx)).toEqual([`bom-ref ${purl} twice`, "a: hash SHA-512", "a: hash SHA-512"]);
    const spdx = {
      spdxVersion: "SPDX-2.3",
      SPDXID: "SPDXRef-DOCUMENT",
      name: "x",
      packages: [{ SPDXID: "a", name: "a" }],
    };
    expect(spdxProblems(spdx)).toEqual([
      "dataLicense",
      "documentNamespace",
      "creationInfo.created",
      "creators",
      "a is not described",
      "a: SPDXID",
      "a: downloadLocation",
      "a: filesAnalyzed",
      "a: purl",
    ]);
  });
});
