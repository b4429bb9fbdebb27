import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { skipWithout } from "./require-tools.ts";
import { buildpackDirectory, capture, type Environment, Workspace } from "./workspace.ts";

const tools = skipWithout("bash", "python3");
const ID = "java";
const MIB = 1024 * 1024;

const pom = (properties: string): string =>
  `<project xmlns="http://maven.apache.org/POM/4.0.0">\n  <properties>\n    ${properties}\n  </properties>\n</project>\n`;

describe.skipIf(tools.skip)(`java${tools.note}`, () => {
  let workspace: Workspace;
  beforeEach(() => {
    workspace = new Workspace();
    writeFileSync(
      join(workspace.root, "os-release"),
      'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_CODENAME=bookworm\n',
    );
  });
  afterEach(() => workspace.remove());

  const debian = (): Environment => ({
    OS_RELEASE: join(workspace.root, "os-release"),
    IMAGE_ROOT: join(workspace.root, "nothing"),
  });
  const detect = (env: Environment = {}): ReturnType<Workspace["detect"]> =>
    workspace.detect(ID, { ...debian(), ...env });
  const build = (env: Environment = {}): ReturnType<Workspace["build"]> =>
    workspace.build(ID, ["jdk", "jre"], { ...debian(), ...env });
  const packages = async (env: Environment = {}): Promise<unknown> =>
    ((await detect(env)).plan["requires"] as { readonly metadata: object }[]).map(({ metadata }) => metadata);

  /** A root as deb-packages makes it, with a Java that says nothing. */
  function install(root: string, version: string, programs: readonly string[]): Environment {
    const home = join(workspace.root, root, `usr/lib/jvm/java-${version.split(".")[0]}-openjdk`);
    mkdirSync(join(home, "bin"), { recursive: true });
    writeFileSync(join(home, "release"), `JAVA_VERSION="${version}"\n`);
    for (const program of programs) {
      writeFileSync(join(home, "bin", program), "#!/bin/sh\n");
      chmodSync(join(home, "bin", program), 0o755);
    }
    return { JAVA_HOME: home };
  }

  it("asks for the JDK for the build and the JRE for the app, in the version of pom.xml", async () => {
    workspace.write("pom.xml", pom("<java.version>17</java.version>"));
    const source = "pom.xml:3 (java.version) 17";
    expect(await packages()).toEqual([
      { packages: ["openjdk-17-jdk-headless"], source, build: true },
      { packages: ["openjdk-17-jre-headless"], source, build: true, launch: true },
    ]);
  });

  it("asks for no JDK when there is only a jar, and for the JDK in the image of tests", async () => {
    workspace.write("app.jar", "");
    expect(await packages()).toMatchObject([{ packages: ["openjdk-17-jre-headless"], launch: true }]);
    // What is offered and not required fails the group.
    expect((await detect()).plan).toMatchObject({ provides: [{ name: "jre" }], or: [{ provides: [{ name: "jre" }] }] });
    workspace.write("pom.xml", pom(""));
    expect(await packages({ CNB_EXEC_ENV: "test" })).toMatchObject([
      { packages: ["openjdk-17-jdk-headless"], build: true, launch: true },
    ]);
  });

  it("passes for nothing but Java, and names the directory that has a pom.xml", async () => {
    workspace.write("server/pom.xml", pom(""));
    expect(await detect()).toMatchObject({ code: 100, output: expect.stringContaining("a pom.xml in server") });
  });

  it("takes a newer Java for an older release, and an exact version of a file before that", async () => {
    workspace.write(
      "pom.xml",
      pom("<release.of.java>11</release.of.java><maven.compiler.release>${release.of.java}</maven.compiler.release>"),
    );
    expect(await packages()).toMatchObject([{ packages: ["openjdk-17-jdk-headless"] }, {}]);
    workspace.write(".sdkmanrc", "# tools\njava=17.0.9-tem\n");
    expect(await packages()).toMatchObject([{ source: "17.0.9-tem (.sdkmanrc:2)" }, {}]);
    workspace.write(".java-version", "\n17\n");
    expect(await packages()).toMatchObject([{ source: "17 (.java-version:2)" }, {}]);
    expect(await packages({ BP_JVM_VERSION: "17.*" })).toMatchObject([{ source: "17.* (BP_JVM_VERSION)" }, {}]);
  });

  it.each([
    [
      { "pom.xml": pom("<java.version>21</java.version>") },
      {},
      "there is no Java 21 in Debian GNU/Linux 12 (bookworm), which pom.xml:3 (java.version) 21 asks for\nhint: it has 17",
    ],
    [
      { "pom.xml": pom(""), ".java-version": "temurin-21" },
      {},
      "which temurin-21 (.java-version:1) asks for\nhint: it has 17",
    ],
    [
      { "pom.xml": pom("<java.version>17</java.version>") },
      { BP_JVM_VERSION: "11" },
      "Java 11 (BP_JVM_VERSION) cannot compile what pom.xml:3 (java.version) 17 asks for",
    ],
    [
      { "pom.xml": pom("<java.version>latest</java.version>") },
      {},
      'pom.xml:3 (java.version): expected a version of Java such as 17, found "latest"',
    ],
    [{ "pom.xml": "<project>\n<a></b>\n" }, {}, "pom.xml:2: this is not XML"],
    [{ "pom.xml": pom(""), ".java-version": "\n" }, {}, ".java-version is empty"],
  ] as const)("leaves it to the build to refuse a version: %#", async (files, env, message) => {
    for (const [name, text] of Object.entries(files)) workspace.write(name, text);
    const detected = await detect(env);
    expect([detected.code, detected.plan["requires"]]).toEqual([0, undefined]);
    expect(await build(env)).toMatchObject({ code: 1, output: expect.stringContaining(message) });
  });

  it("finds JDK and JRE in the roots of packages, and sets where they are", async () => {
    workspace.write("pom.xml", pom("<java.version>17</java.version>"));
    const jdk = install("build-packages", "17.0.9", ["java", "javac"])["JAVA_HOME"] ?? "";
    const jre = install("launch-packages", "17.0.9", ["java"])["JAVA_HOME"] ?? "";
    install("launch-packages", "11.0.1", ["java"]);
    const libraries = ["build-packages", "launch-packages"].map((root) => join(workspace.root, root, "usr/lib/any"));
    expect(await build({ LD_LIBRARY_PATH: libraries.join(":") })).toEqual({
      code: 0,
      output: "JDK 17.0.9: pom.xml:3 (java.version) 17\nJRE 17.0.9: pom.xml:3 (java.version) 17\n",
    });
    const read = (path: string): string => readFileSync(join(workspace.layers(ID), path), "utf8");
    expect(read("jdk/env.build/JAVA_HOME.override")).toBe(jdk);
    expect(read("jre/env.launch/JAVA_HOME.default")).toBe(jre);
    expect(read("jre/env.launch/PATH.prepend")).toBe(`${jre}/bin`);
    expect(read("jre/env/BPI_JVM_VERSION.override")).toBe("17.0.9");
    expect(workspace.toml(ID, "jdk.toml")).toEqual({ types: { build: true } });
    expect(workspace.toml(ID, "jre.toml")).toEqual({ types: { build: true, launch: true } });
  });

  it("says what to do when no Java of that version is there", async () => {
    workspace.write("pom.xml", pom(""));
    install("build-packages", "21.0.1", ["java", "javac"]);
    const outcome = await build({ LD_LIBRARY_PATH: join(workspace.root, "build-packages/usr/lib") });
    expect(outcome).toMatchObject({ code: 1, output: expect.stringContaining("there is no JDK 17 in the layers") });
  });

  describe("memory calculator", () => {
    const program = join(buildpackDirectory(ID), "lib/memory-calculator");
    const write = (path: string, text: string): void => {
      mkdirSync(join(workspace.root, "fs", path, ".."), { recursive: true });
      writeFileSync(join(workspace.root, "fs", path), text);
    };
    beforeEach(() => write("proc/meminfo", "MemTotal:       16000000 kB\nMemFree: 1 kB\n"));

    async function start(env: Environment = {}): Promise<{ code: number; output: string; variables: string }> {
      const told = join(workspace.root, "told");
      const command = ["bash", "-c", 'exec "$0" "$1" 3>"$2"', program, join(workspace.root, "fs"), told];
      const outcome = await capture(command, workspace.root, { PATH: process.env["PATH"] ?? "", ...env });
      return { ...outcome, variables: readFileSync(told, "utf8") };
    }
    /** Control groups of version 2, the limit in a group above the app's. */
    function limit(bytes: number): void {
      write("proc/self/cgroup", "0::/pod/app\n");
      write("sys/fs/cgroup/pod/app/memory.max", "max\n");
      write("sys/fs/cgroup/pod/memory.max", `${bytes}\n`);
    }

    it("gives the heap what a group above leaves, and keeps the options that are there", async () => {
      limit(2048 * MIB);
      const { code, output, variables } = await start({
        JAVA_TOOL_OPTIONS: '-Da="b c"',
        BPL_JVM_LOADED_CLASS_COUNT: "10000",
      });
      const metaspace = Math.ceil((10_000 * 5800 + 14_000_000) / 1024);
      const heap = Math.floor((2048 * MIB - (10_000 * 5800 + 14_000_000) - (240 + 10 + 250) * MIB) / 1024);
      expect(variables).toBe(
        `JAVA_TOOL_OPTIONS = "-Da=\\"b c\\" -Xmx${heap}K -XX:MaxMetaspaceSize=${metaspace}K -XX:ReservedCodeCacheSize=245760K -XX:MaxDirectMemorySize=10240K -Xss1024K"\n`,
      );
      expect([code, output]).toEqual([
        0,
        `JVM memory of 2048 MiB: heap ${Math.floor(heap / 1024)}, metaspace 69 (10000 classes), code 240, stacks 250 (250 threads), direct 10, head room 0\n`,
      ]);
    });

    it("reads control groups of version 1, and expects less of a small one", async () => {
      write("proc/self/cgroup", "5:cpu:/x\n4:memory,hugetlb:/box\n");
      write("sys/fs/cgroup/memory/box/memory.limit_in_bytes", `${512 * MIB}\n`);
      expect((await start()).output).toMatch(/^JVM memory of 512 MiB: heap \d+, .* code 64, stacks 50 \(50 threads\)/);
    });

    it("counts with the user's own sizes and does not say them twice", async () => {
      limit(1024 * MIB);
      const { variables } = await start({
        JAVA_TOOL_OPTIONS: "-Xss512k -XX:MaxMetaspaceSize=100M",
        BPL_JVM_HEAD_ROOM: "10",
        BPL_JVM_THREAD_COUNT: "20",
      });
      const heap = Math.floor((1024 * MIB - (100 + 240 + 10 + 10) * MIB - Math.floor((1024 * MIB) / 10)) / 1024);
      expect(variables).toBe(
        `JAVA_TOOL_OPTIONS = "-Xss512k -XX:MaxMetaspaceSize=100M -Xmx${heap}K -XX:ReservedCodeCacheSize=245760K -XX:MaxDirectMemorySize=10240K"\n`,
      );
    });

    it("says nothing without a limit, with one above the machine's memory, or with a heap of the user's", async () => {
      limit(999_999 * MIB);
      expect(await start()).toEqual({ code: 0, output: "", variables: "" });
      limit(512 * MIB);
      expect(await start({ JAVA_TOOL_OPTIONS: "-Xmx300M" })).toEqual({ code: 0, output: "", variables: "" });
      write("sys/fs/cgroup/pod/memory.max", "max\n");
      expect(await start()).toEqual({ code: 0, output: "", variables: "" });
    });

    it("refuses a limit that is too small, with the figures", async () => {
      limit(128 * MIB);
      const { code, output, variables } = await start({ BPL_JVM_LOADED_CLASS_COUNT: "10000" });
      expect([code, variables]).toEqual([1, ""]);
      expect(output).toContain(
        "the memory limit of 128 MiB is too small for this application: 193 MiB are not heap (metaspace 69 for 10000 classes, code 64, stacks 50 of 50 threads, direct 10, head room 0)",
      );
      expect(output).toContain("hint: give it 257 MiB");
    });

    it("refuses variables and sizes that are none", async () => {
      limit(512 * MIB);
      expect(await start({ BPL_JVM_HEAD_ROOM: "many" })).toMatchObject({
        code: 1,
        output: expect.stringContaining('BPL_JVM_HEAD_ROOM: expected a number from 0 to 99, found "many"'),
      });
      expect(await start({ JAVA_TOOL_OPTIONS: "-Xss1x" })).toMatchObject({
        code: 1,
        output: expect.stringContaining('expected a size after -Xss, found "1x"'),
      });
    });
  });

  it.skipIf(skipWithout("openssl", "keytool").skip)(
    "makes of PEMs a key store that Java reads, with the same bytes each time",
    () => {
      const store = (name: string): string => {
        const file = join(workspace.root, name);
        execFileSync("python3", [
          "-I",
          join(buildpackDirectory(ID), "lib/keystore.py"),
          join(workspace.root, "bundle"),
          file,
        ]);
        return file;
      };
      execFileSync(
        "openssl",
        [
          "req",
          "-x509",
          "-newkey",
          "ec",
          "-pkeyopt",
          "ec_paramgen_curve:P-256",
          "-nodes",
          "-subj",
          "/CN=own",
          "-keyout",
          join(workspace.root, "key"),
          "-out",
          join(workspace.root, "bundle"),
        ],
        { stdio: "ignore" },
      );
      const first = store("one");
      expect(readFileSync(store("two"))).toEqual(readFileSync(first));
      const listed = execFileSync("keytool", ["-list", "-v", "-keystore", first, "-storepass", "changeit"], {
        stdio: ["ignore", "pipe", "ignore"],
      });
      expect(listed.toString()).toContain("Owner: CN=own");
    },
  );
});
