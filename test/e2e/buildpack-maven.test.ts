import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { skipWithout } from "../buildpacks/require-tools.ts";
import { capture, type Environment, Workspace } from "../buildpacks/workspace.ts";

const tools = skipWithout("bash", "python3", "unzip", "curl");
const ID = "maven";
const SCRIPT = `#!/usr/bin/env bash
if [[ $1 == --version ]]; then printf 'Apache Maven 3.9.1 (x)\\nJava version: 17.0.9, vendor: X\\n'; exit 0; fi
printf '%s\\n' "$@" >>"$RECORD"
if [[ -n "\${ANSWER:-}" && " $* " != *" --offline "* ]]; then printf '%s\\n' "$ANSWER"; exit 1; fi
for a in "$@"; do case $a in -Dmaven.repo.local=*) mkdir -p "\${a#*=}"; touch "\${a#*=}/x.lastUpdated";; esac; done
for a in "$@"; do if [[ -f $a && $a == *global-settings* ]]; then cat "$a" >"$RECORD.global"; stat -c %a "$a" >>"$RECORD.global"; fi; done
bash -c "$MAKE"
`;
/** A shell command that makes an archive. */
const makes = (file: string, ...headers: readonly string[]): string =>
  `mkdir -p $(dirname ${file}) && python3 -c "import sys,zipfile; zipfile.ZipFile(sys.argv[1],'w').writestr('META-INF/MANIFEST.MF', sys.argv[2])" ${file} '${["Manifest-Version: 1.0", ...headers, ""].join("\n")}'; `;
const PROGRAM = makes("target/app.jar", "Main-Class: a.Main");

describe.skipIf(tools.skip)(`maven${tools.note}`, () => {
  let workspace: Workspace;
  let programs: string;
  let record: string;
  beforeEach(() => {
    workspace = new Workspace();
    programs = join(workspace.root, "programs");
    record = join(workspace.root, "record");
    mkdirSync(programs);
    for (const [name, text] of Object.entries({ mvn: SCRIPT, java: "#!/bin/sh\n" })) {
      writeFileSync(join(programs, name), text);
      chmodSync(join(programs, name), 0o755);
    }
    workspace.write("pom.xml", "<project/>");
    workspace.write("src/A.java", "a");
  });
  afterEach(() => workspace.remove());

  const build = (env: Environment = {}): ReturnType<Workspace["build"]> => {
    writeFileSync(record, "");
    const PATH = `${programs}:${process.env["PATH"] ?? ""}`;
    return workspace.build(ID, [], { PATH, RECORD: record, MAKE: PROGRAM, ...env });
  };
  const asked = (): readonly string[] => readFileSync(record, "utf8").split("\n");
  const sources = (): void => {
    workspace.replaceApp();
    workspace.write("pom.xml", "<project/>");
    workspace.write("src/A.java", "a");
  };
  function bind(settings: string): void {
    const binding = join(workspace.platform, "bindings/mine");
    mkdirSync(binding, { recursive: true });
    writeFileSync(join(binding, "type"), "maven\n");
    writeFileSync(join(binding, "settings.xml"), settings);
  }

  it("offers a package and asks for Debian's Maven, unless the wrapper names one", async () => {
    const names = async (env: Environment = {}): Promise<unknown> =>
      ((await workspace.detect(ID, env)).plan["requires"] as { name: string }[]).map(({ name }) => name);
    expect(await names()).toEqual(["jdk", "deb-packages"]);
    expect((await workspace.detect(ID)).plan["provides"]).toEqual([{ name: "jvm-application-package" }]);
    expect(await names({ CNB_EXEC_ENV: "test" })).toEqual(["jdk", "jre", "deb-packages"]);
    workspace.write(".mvn/wrapper/maven-wrapper.properties", "distributionUrl=https://localhost/x");
    expect(await names()).toEqual(["jdk"]);
    rmSync(join(workspace.app, "pom.xml"));
    workspace.write("server/pom.xml", "");
    expect(await workspace.detect(ID)).toMatchObject({
      code: 100,
      output: "no pom.xml here, but one in server: build that directory\n",
    });
  });

  it("leaves the artifact in the application, with its libraries, and none of the sources", async () => {
    workspace.write("Procfile", "x: y");
    workspace.write("config/a.txt", "a");
    const MAKE = `${makes("target/app.jar", "Main-Class: a.Main", "Class-Path: lib/b.jar ../../../secret /etc/passwd")} mkdir target/lib; touch target/lib/b.jar target/lib/c.jar target/app-sources.jar`;
    const { code, output } = await build({ MAKE, BP_KEEP_FILES: "config/**" });
    expect([code, output]).toEqual([
      0,
      expect.stringContaining("mvn -DskipTests package (Apache Maven 3.9.1, Java 17.0.9)\n"),
    ]);
    expect(readdirSync(workspace.app).sort()).toEqual(["Procfile", "app.jar", "config", "lib"]);
    expect(readdirSync(join(workspace.app, "lib"))).toEqual(["b.jar"]);
    expect(asked()).toContain("--strict-checksums");
    expect(workspace.toml(ID, "m2.toml")).toMatchObject({ types: { build: true, cache: true, launch: false } });
    expect(existsSync(join(workspace.layers(ID), "m2/repository/x.lastUpdated"))).toBe(false);
    expect(readdirSync(workspace.layers(ID)).filter((name) => name.startsWith("."))).toEqual([]);
  });

  it("does not run Maven for unchanged sources, and runs it without the network for an unchanged pom.xml", async () => {
    await build();
    sources();
    expect((await build()).output).toContain("Reusing cached artifact app.jar");
    expect([asked(), readdirSync(workspace.app)]).toEqual([[""], ["app.jar"]]);
    sources();
    workspace.write("src/A.java", "b");
    await build({ ANSWER: "[ERROR] no network" });
    expect(asked()).toContain("--offline");
    sources();
    workspace.write("pom.xml", "<project></project>");
    await build();
    expect(asked()).not.toContain("--offline");
    sources();
    await build({ BP_MAVEN_BUILD_ARGUMENTS: "verify '-Da=b c'", BP_MAVEN_ACTIVE_PROFILES: "p" });
    expect(asked()).toEqual(expect.arrayContaining(["verify", "-Da=b c", "-P", "p"]));
  });

  it("gives Maven the settings of a binding, and proxies by a private file", async () => {
    bind("<settings/>");
    const { output } = await build({
      HTTPS_PROXY: "http://me:se%26cret@proxy.test:3128",
      NO_PROXY: "localhost,.intern",
    });
    expect(asked().join(" ")).toContain(`--settings ${workspace.platform}/bindings/mine/settings.xml`);
    expect(asked().join(" ") + output).not.toContain("cret");
    expect(readFileSync(`${record}.global`, "utf8")).toMatch(
      /<host>proxy\.test<\/host><port>3128<\/port><username>me<\/username><password>se&amp;cret<\/password><nonProxyHosts>localhost\|\*\.intern<[^]*600\n$/,
    );
    expect(await build({ HTTP_PROXY: "socks5://me:secret@x:1" })).toMatchObject({
      code: 1,
      output: expect.stringContaining('HTTP_PROXY: expected http://HOST:PORT, found "socks5://x:1"'),
    });
  });

  it.each([
    [
      "[ERROR] Failed to execute goal: Could not find artifact a:b:jar:1 in central",
      "correct group, name or version in pom.xml",
    ],
    [
      "[ERROR] Could not transfer artifact a:b:pom:1: Checksum validation failed",
      "a download is not what its checksum says; nothing of it was kept",
    ],
    ["[ERROR] Could not transfer artifact a:b:pom:1: Connection refused", "check that the build may use the network"],
    ["[ERROR] Fatal error compiling: error: release version 21 not supported", "ask for that Java"],
    [
      "[ERROR] https://me:secret@x/a: status code: 401, reason phrase: Unauthorized (401)",
      "the repository refuses access",
    ],
  ])("explains %s", async (ANSWER, hint) => {
    const { code, output } = await build({ ANSWER });
    expect(code).toBe(1);
    expect(output).toContain(`hint: ${hint}`);
    expect(output).not.toContain("secret");
    expect(existsSync(join(workspace.layers(ID), "m2.toml"))).toBe(false);
  });

  it.each([
    [makes("target/a.jar"), {}, "no start command: target/a.jar has no Main-Class"],
    [
      makes("target/a.jar", "Main-Class: a") + makes("target/b.jar", "Main-Class: a"),
      {},
      "Maven made more than one program: target/a.jar target/b.jar",
    ],
    ["true", {}, "Maven made no target/*.[jw]ar"],
    ["true", { BP_MAVEN_BUILT_MODULE: "web" }, "BP_MAVEN_BUILT_MODULE: there is no web/pom.xml"],
    ["true", { BP_MAVEN_BUILT_ARTIFACT: "../x.jar" }, "BP_MAVEN_BUILT_ARTIFACT: expected a path in the application"],
    ["true", { BP_MAVEN_BUILD_ARGUMENTS: "-Da='b" }, "BP_MAVEN_BUILD_ARGUMENTS: a quote is not closed"],
  ])("refuses what gives no application: %#", async (MAKE, env, message) => {
    expect(await build({ MAKE, ...env })).toMatchObject({ code: 1, output: expect.stringContaining(message) });
    expect(existsSync(join(workspace.app, "src/A.java"))).toBe(true);
  });

  it("takes the only program of several modules, or that of the module that is named", async () => {
    workspace.write("lib/pom.xml", "");
    workspace.write("web/pom.xml", "");
    workspace.write("worker/pom.xml", "");
    const MAKE = makes("lib/target/lib.jar") + makes("web/target/web.jar", "Main-Class: a");
    expect((await build({ MAKE })).output).toContain("Artifact: web/target/web.jar");
    sources();
    for (const name of ["web", "worker"]) workspace.write(`${name}/pom.xml`, "");
    const both = MAKE + makes("worker/target/w.jar", "Main-Class: a");
    expect((await build({ MAKE: both, BP_MAVEN_BUILT_MODULE: "worker" })).output).toContain(
      "Artifact: worker/target/w.jar",
    );
  });

  it("keeps the sources for tests, and makes their process", async () => {
    expect(await build({ CNB_EXEC_ENV: "test" })).toMatchObject({ code: 0 });
    expect(readdirSync(workspace.app).sort()).toEqual(["pom.xml", "src", "target"]);
    expect(workspace.toml(ID, "launch.toml")).toMatchObject({ processes: [{ type: "test", "exec-env": ["test"] }] });
    expect(workspace.toml(ID, "m2.toml")).toMatchObject({ types: { launch: true } });
  });

  describe("wrapper", () => {
    const PATH = "/org/apache/maven/apache-maven/3.9.9/apache-maven-3.9.9-bin.tar.gz";
    let server: Server;
    let url: string;
    let archive: Buffer;
    let sum: string;
    let requests: string[];
    beforeEach(async () => {
      mkdirSync(join(workspace.root, "apache-maven-3.9.9/bin"), { recursive: true });
      writeFileSync(join(workspace.root, "apache-maven-3.9.9/bin/mvn"), SCRIPT);
      await capture(["tar", "-czf", "maven.tar.gz", "apache-maven-3.9.9"], workspace.root, {
        PATH: process.env["PATH"] ?? "",
      });
      archive = readFileSync(join(workspace.root, "maven.tar.gz"));
      sum = createHash("sha512").update(archive).digest("hex");
      requests = [];
      server = createServer((request, response) => {
        requests.push(request.url ?? "");
        if (request.url === `/mirror${PATH}`) response.end(archive);
        else if (request.url === `/mirror${PATH}.sha512`) response.end(sum);
        else response.writeHead(404).end();
      }).listen(0, "127.0.0.1");
      await new Promise((resolve) => server.once("listening", resolve));
      url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    });
    afterEach(() => {
      server.close();
    });
    const wrapper = (more = ""): void =>
      workspace.write(
        ".mvn/wrapper/maven-wrapper.properties",
        `wrapperVersion=3\ndistributionUrl=https\\://nowhere.invalid${PATH}\n${more}`,
      );
    const mirror = (): void =>
      bind(
        `<settings>\n <mirrors>\n  <!-- <mirror><mirrorOf>*</mirrorOf><url>http://not.invalid</url></mirror> -->\n  <mirror>\n<id>m</id><mirrorOf>central</mirrorOf>\n<url>${url}/mirror/</url></mirror></mirrors></settings>`,
      );

    it("fetches Maven from the mirror of the settings, checks it, and keeps it", async () => {
      wrapper();
      mirror();
      const { code, output } = await build();
      expect([code, output]).toEqual([0, expect.stringContaining("Fetched Maven 3.9.9: 0 MB, sha512 verified")]);
      expect(requests).toEqual([`/mirror${PATH}`, `/mirror${PATH}.sha512`]);
      sources();
      wrapper();
      expect((await build()).output).toContain(
        "Reusing cached Maven 3.9.9: nothing to fetch\nReusing cached artifact app.jar",
      );
      expect(requests).toHaveLength(2);
    });

    it("keeps nothing that is not what its sum says", async () => {
      mirror();
      wrapper("distributionSha256Sum=00ff\n");
      expect(await build()).toMatchObject({
        code: 1,
        output: expect.stringContaining("but distributionSha256Sum in .mvn/wrapper/maven-wrapper.properties is 00ff"),
      });
      sum = "0".repeat(128);
      wrapper();
      expect(await build()).toMatchObject({ code: 1, output: expect.stringContaining("is not what its sha512 says") });
      expect(existsSync(join(workspace.layers(ID), "maven"))).toBe(false);
    });

    it("refuses addresses that are no distribution, or not encrypted", async () => {
      workspace.write(".mvn/wrapper/maven-wrapper.properties", "distributionUrl=https://x.invalid/own.zip\n");
      expect(await build()).toMatchObject({
        code: 1,
        output: expect.stringContaining("distributionUrl is no distribution of Maven"),
      });
      workspace.write(".mvn/wrapper/maven-wrapper.properties", `distributionUrl=${url}${PATH}\n`);
      expect(await build()).toMatchObject({
        code: 1,
        output: expect.stringContaining("distributionUrl is not encrypted"),
      });
      expect(requests).toEqual([]);
    });
  });
});
