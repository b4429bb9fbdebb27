import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeArchive, makeDeb, makeKey, serve } from "../platform/debian/fake-archive.ts";
import type { FakeDeb, FakeKey, FakeMirror, FakePackage } from "../platform/debian/fake-archive.ts";
import { type Outcome, Workspace } from "./workspace.ts";

/** The buildpack that this is about. */
export const ID = "deb-packages";

/** A program in a script, its configuration, a manual. */
export const greet: FakePackage = {
  name: "greet",
  version: "1:2.0-1",
  fields: {
    Depends: "libgreet, debconf (>= 0.5) | debconf-2.0, libc6 (>= 2.0)",
    Source: "greetings (2.0)",
    Homepage: "https://greet.test",
  },
  files: {
    "usr/bin/greet": "#!/usr/bin/greetsh\ncat /usr/share/greet/words /usr/share/other /etc/passwd\n",
    "usr/bin/greetsh": { mode: 0o4755 },
    "usr/bin/hello": { type: "symlink", linkname: "/usr/bin/greet" },
    "etc/greet/greet.conf": "words=/usr/share/greet/words/\n",
    "usr/share/greet/words": "hello\n",
    "usr/share/man/man1/greet.1": "manual",
    "usr/share/doc/greet/copyright": "free",
    "usr/share/doc/greet/NEWS": "new",
  },
};
/** What greet depends on. */
export const libgreet: FakePackage = {
  name: "libgreet",
  version: "2.0-1",
  files: {
    "usr/lib/x86_64-linux-gnu/libgreet.so.2": "ELF",
    "usr/lib/x86_64-linux-gnu/pkgconfig/greet.pc": "prefix=/usr\n",
  },
};
/** A package that nothing depends on. */
export const alone: FakePackage = { name: "alone", version: "3", files: { "usr/games/alone": "x" } };

/** A workspace and a signed archive, which is bound to its builds. */
export class DebArchive {
  readonly workspace = new Workspace();
  readonly mirror: FakeMirror;
  readonly #key: FakeKey;

  private constructor(mirror: FakeMirror, key: FakeKey) {
    this.mirror = mirror;
    this.#key = key;
  }

  /** An archive with these packages on this machine. */
  static async start(...packages: readonly FakePackage[]): Promise<DebArchive> {
    const archive = new DebArchive(await serve(new Map()), await makeKey("archive"));
    await archive.publish(...packages);
    archive.bind(`deb ${archive.mirror.url} bookworm main\n`);
    return archive;
  }

  /** Replaces what the archive has. */
  async publish(...packages: readonly FakePackage[]): Promise<readonly FakeDeb[]> {
    const { files } = this.mirror;
    const debs = await Promise.all(packages.map(makeDeb));
    files.clear();
    for (const [path, bytes] of await makeArchive(debs, this.#key, { forApt: true })) files.set(path, bytes);
    return debs;
  }

  /** Tells builds where packages come from, and whose signature they need. */
  bind(sources: string, publicKey = this.#key.publicKey): void {
    const binding = join(this.workspace.platform, "bindings/archive");
    mkdirSync(binding, { recursive: true });
    writeFileSync(join(binding, "type"), "apt\n");
    writeFileSync(join(binding, "sources.list"), sources);
    writeFileSync(join(binding, "key.asc"), publicKey);
  }

  /** Runs bin/build with this plan. */
  build(plan = '[[entries]]\nname = "deb-packages"\n'): Promise<Outcome> {
    const planFile = join(this.workspace.root, "plan.toml");
    writeFileSync(planFile, plan);
    return this.workspace.build(ID, [], { CNB_TARGET_ARCH: "amd64", CNB_BP_PLAN_PATH: planFile });
  }

  /** A path in a layer. */
  layer(path: string, name = "launch-packages"): string {
    return join(this.workspace.layers(ID), name, path);
  }

  /** A file of a layer. */
  text(path: string, name?: string): string {
    return readFileSync(this.layer(path, name), "utf8");
  }

  /** The packages' files that builds asked for, in order. */
  fetched(): readonly string[] {
    return this.mirror.seen.filter((path) => path.endsWith(".deb"));
  }

  async close(): Promise<void> {
    await this.mirror.close();
    this.workspace.remove();
  }
}
