import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { skipWithout } from "../buildpacks/require-tools.ts";
import { capture, type Environment, Workspace } from "../buildpacks/workspace.ts";

const tools = skipWithout("bash", "python3", "unzip");
const ID = "java-jar";
type Files = Readonly<Record<string, string>>;

const manifest = (...headers: readonly string[]): Files => ({
  "META-INF/MANIFEST.MF": `Manifest-Version: 1.0\r\n${headers.join("\r\n")}\r\n\r\nName: other\r\nMain-Class: no\r\n`,
});
const pomProperties = (group: string, name: string, version: string): Files => ({
  [`META-INF/maven/${group}/${name}/pom.properties`]: `#made\ngroupId=${group}\nartifactId=${name}\nversion=${version}\n`,
});

describe.skipIf(tools.skip)(`java-jar${tools.note}`, () => {
  let workspace: Workspace;
  beforeEach(() => {
    workspace = new Workspace();
  });
  afterEach(() => workspace.remove());

  /** Writes an archive; text that begins with @ is the path of a file that becomes the content. */
  function jar(path: string, files: Files): string {
    const file = path.startsWith("/") ? path : join(workspace.app, path);
    mkdirSync(join(file, ".."), { recursive: true });
    // Entries of 1980: with the time of day two jars of the same files would differ when the clock ticks between them.
    const program =
      "import json,sys,zipfile\nwith zipfile.ZipFile(sys.argv[1],'w') as z:\n for n,t in json.load(sys.stdin).items(): z.writestr(zipfile.ZipInfo(n), open(t[1:],'rb').read() if t.startswith('@') else t.encode('latin-1'))";
    execFileSync("python3", ["-c", program, file], { input: JSON.stringify(files) });
    return file;
  }
  const build = (env: Environment = {}): ReturnType<Workspace["build"]> => workspace.build(ID, ["jre"], env);
  const layer = (path: string): string => readFileSync(join(workspace.layers(ID), path), "utf8");
  const libraries = (): unknown =>
    (JSON.parse(layer("launch.sbom.cdx.json")) as { components: { purl: string }[] }).components.map(
      ({ purl }) => purl,
    );
  const compiled = (version: number): string =>
    `\u00ca\u00fe\u00ba\u00be\u0000\u0000\u0000${String.fromCharCode(version + 44)}`;

  it("requires a JRE for a jar that can be started, and a package of somebody else for sources", async () => {
    jar("library.jar", { "a.class": "" });
    expect(await workspace.detect(ID)).toMatchObject({
      code: 100,
      output: "no pom.xml, and no jar with a Main-Class\n",
    });
    jar("app.jar", manifest("Main-Class: a.Main"));
    expect((await workspace.detect(ID)).plan).toEqual({ requires: [{ name: "jre", metadata: { launch: true } }] });
    workspace.write("pom.xml", "<project/>");
    expect((await workspace.detect(ID)).plan).toMatchObject({
      requires: [{ name: "jvm-application-package" }, { name: "jre" }],
    });
    expect(await workspace.detect(ID, { CNB_EXEC_ENV: "test" })).toMatchObject({ code: 100 });
  });

  it("unpacks Spring Boot in slices by how often they change, and starts it without a shell", async () => {
    const library = (name: string): string =>
      `@${jar(join(workspace.root, "lib", name), { [`${name}.class`]: "", "x.class": "" })}`;
    jar("app.jar", {
      ...manifest(
        "Main-Class: org.springframework.boot.loader.launch.JarLaunc",
        " her",
        "Start-Class: shop.Main",
        "Spring-Boot-Version: 3.4.1",
        "Spring-Boot-Classes: BOOT-INF/classes/",
        "Spring-Boot-Lib: BOOT-INF/lib/",
      ),
      "BOOT-INF/classes/shop/Main.class": compiled(17),
      "BOOT-INF/classes/application.properties": "a=b",
      "BOOT-INF/classes/static/a[1].js": "",
      "BOOT-INF/lib/b-1.0.jar": library("b-1.0.jar"),
      "BOOT-INF/lib/a-2.jar": library("a-2.jar"),
      "BOOT-INF/lib/own-1-SNAPSHOT.jar": library("own-1-SNAPSHOT.jar"),
      "org/springframework/boot/loader/launch/JarLauncher.class": "",
    });
    const { code, output } = await build({ BPI_JVM_CLASS_COUNT: "1000", BPI_JVM_VERSION: "17.0.9" });
    expect([code, output]).toEqual([
      0,
      `Spring Boot 3.4.1: 8 classes, 3 libraries in the bill of materials\nweb: java -cp ${workspace.app} org.springframework.boot.loader.launch.JarLauncher\n`,
    ]);
    expect(workspace.toml(ID, "launch.toml")).toEqual({
      processes: [
        {
          type: "web",
          command: ["java", "-cp", workspace.app, "org.springframework.boot.loader.launch.JarLauncher"],
          default: true,
        },
      ],
      slices: [
        { paths: ["BOOT-INF/lib/a-2.jar", "BOOT-INF/lib/b-1.0.jar"] },
        { paths: ["org/springframework/boot/loader"] },
        { paths: ["BOOT-INF/lib/own-1-SNAPSHOT.jar"] },
        { paths: ["BOOT-INF/classes/application.properties", "BOOT-INF/classes/static"] },
      ],
    });
    expect(readdirSync(workspace.app).sort()).toEqual(["BOOT-INF", "META-INF", "org"]);
    expect(layer("application/env.launch/BPL_JVM_LOADED_CLASS_COUNT.default")).toBe("352");
    expect(workspace.toml(ID, "application.toml")).toEqual({ types: { launch: true } });
  });

  it("hands PORT on to Spring Boot, unless its own variable is set", async () => {
    jar("app.jar", manifest("Main-Class: a.Main", "Spring-Boot-Version: 3.4.1"));
    await build();
    const told = join(workspace.root, "told");
    const start = async (env: Environment): Promise<string> => {
      const program = join(workspace.layers(ID), "application/exec.d/spring-port");
      const path = process.env["PATH"] ?? "";
      const { output } = await capture(["bash", "-c", 'exec "$0" 3>"$1"', program, told], workspace.root, {
        PATH: path,
        ...env,
      });
      return output + readFileSync(told, "utf8");
    };
    expect(await start({ PORT: "9000" })).toBe('SERVER_PORT = "9000"\n');
    expect(await start({ PORT: "9000", SERVER_PORT: "1" })).toBe("");
    expect(await start({ PORT: "a" })).toContain('ERROR: PORT: expected a number, found "a"');
  });

  it("starts any jar with the libraries that are beside it, and with no other paths", async () => {
    workspace.write("Procfile", "x: y");
    jar("lib/one-1.jar", pomProperties("org.one", "one", "1"));
    jar("app.jar", {
      ...manifest("Main-Class: a.Main", "Class-Path: lib/one-1.jar ../../secret.jar /etc lib/none.jar"),
      "a/Main.class": compiled(17),
    });
    expect(await build()).toMatchObject({ code: 0 });
    expect(workspace.toml(ID, "launch.toml")).toEqual({
      processes: [
        {
          type: "web",
          command: ["java", "-cp", `${workspace.app}:${workspace.app}/lib/one-1.jar`, "a.Main"],
          default: true,
        },
      ],
      slices: [{ paths: ["lib/one-1.jar"] }],
    });
    expect(libraries()).toEqual(["pkg:maven/org.one/one@1"]);
  });

  it("leaves a jar packed that has classes for several versions of Java", async () => {
    jar("app.jar", {
      ...manifest("Main-Class: a.Main", "Multi-Release: true"),
      "a/Main.class": "",
      ...pomProperties("g", "merged", "3"),
    });
    expect(await build()).toMatchObject({ code: 0 });
    expect(workspace.toml(ID, "launch.toml")).toMatchObject({
      processes: [{ command: ["java", "-jar", join(workspace.app, "app.jar")] }],
    });
    expect(libraries()).toEqual(["pkg:maven/g/merged@3"]);
  });

  it("knows libraries by the local repository when the content is the same, then by themselves, then by name", async () => {
    const repository = join(workspace.root, "m2");
    const same = { "a.class": "same" };
    jar(join(repository, "org/known/known/1.0/known-1.0.jar"), same);
    jar(join(repository, "org/changed/changed/1.0/changed-1.0.jar"), { "a.class": "one" });
    jar("lib/known-1.0.jar", same);
    jar("lib/changed-1.0.jar", { "a.class": "another" });
    jar("lib/mine-2.jar", pomProperties("org.mine", "mine", "2"));
    jar("app.jar", {
      ...manifest("Main-Class: a.Main", "Class-Path: lib/known-1.0.jar lib/changed-1.0.jar lib/mine-2.jar"),
      ...pomProperties("g", "shaded", "9"),
    });
    expect(await build({ MAVEN_LOCAL_REPOSITORY: repository })).toMatchObject({ code: 0 });
    const purls = [
      "pkg:generic/changed@1.0",
      "pkg:maven/g/shaded@9",
      "pkg:maven/org.known/known@1.0",
      "pkg:maven/org.mine/mine@2",
    ];
    expect(libraries()).toEqual(purls);
    const spdx = JSON.parse(layer("launch.sbom.spdx.json")) as { packages: object[]; documentDescribes: string[] };
    expect(spdx.packages).toMatchObject(purls.map((purl) => ({ externalRefs: [{ referenceLocator: purl }] })));
    const cdx = layer("launch.sbom.cdx.json");
    await build({ MAVEN_LOCAL_REPOSITORY: repository });
    expect(layer("launch.sbom.cdx.json")).toBe(cdx);
  });

  it("never writes outside of the application", async () => {
    jar("app.jar", { ...manifest("Main-Class: a.Main"), "../escaped": "x", "/tmp-absolute-of-java-jar": "x" });
    await build();
    expect(existsSync(join(workspace.root, "escaped"))).toBe(false);
    expect(existsSync("/tmp-absolute-of-java-jar")).toBe(false);
  });

  it.each([
    [
      "no start command",
      { "a.jar": { "a.class": "" } },
      {},
      "no start command: a.jar, and no Main-Class in a manifest",
    ],
    [
      "two programs",
      { "a.jar": manifest("Main-Class: a"), "b.jar": manifest("Main-Class: b") },
      {},
      "more than one jar is executable: a.jar, b.jar",
    ],
    [
      "a newer Java",
      { "a.jar": { ...manifest("Main-Class: a.Main"), "a/Main.class": compiled(21) } },
      { BPI_JVM_VERSION: "17.0.9" },
      "a.Main is compiled for Java 21, but the image has 17.0.9\nhint: set BP_JVM_VERSION=21",
    ],
  ] as const)("refuses %s", async (_, jars, env, message) => {
    for (const [name, files] of Object.entries(jars)) jar(name, files);
    expect(await build(env)).toMatchObject({ code: 1, output: expect.stringContaining(message) });
    expect(existsSync(join(workspace.layers(ID), "launch.toml"))).toBe(false);
  });

  it("refuses a file that is no jar", async () => {
    writeFileSync(join(workspace.app, "a.jar"), "text");
    expect(await build()).toMatchObject({ code: 1, output: expect.stringContaining("a.jar cannot be read") });
  });
});
