import { copyFileSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseReference } from "../../lifecycle/oci/reference.ts";
import { layoutStore } from "../../lifecycle/stores/layout/layout-store.ts";
import { makeScriptedBuilder, scriptedApp, scriptedBuilder } from "./scripted-builder.ts";
import {
  type Finished,
  leftovers,
  needs,
  type Person,
  processesWith,
  removeAll,
  scratchDirectory,
  self,
  tspack,
} from "./tspack.ts";

// Split, so that the word is in no script and in no command line of these tests.
const secret = ["sesame", process.pid, "open"].join("-");
const encoded = Buffer.from(`someone:${secret}`).toString("base64");
const decoy = ["decoy", process.pid].join("-");
/** What the search inside looks for, written so that the search does not find itself. */
const search = [decoy, secret, encoded.slice(4, 20)].map((text) => Buffer.from(text).toString("hex"));

let person: Person;
let directory = "";
let count = 0;

beforeAll(async () => {
  person = await self();
  directory = scratchDirectory("sandbox");
  await makeScriptedBuilder(person, join(directory, "builder"));
  const home = join(directory, "home/.docker");
  mkdirSync(home, { recursive: true });
  const auth = Buffer.from(`someone:${secret}`).toString("base64");
  writeFileSync(join(home, "config.json"), JSON.stringify({ auths: { "registry.invalid": { auth } }, note: secret }));
});
afterAll(() => {
  removeAll(directory);
});

const ways = [
  { sandbox: "bubblewrap", ...needs("bwrap") },
  { sandbox: "unshare", ...needs("unshare") },
] as const;

describe.each(ways)("the sandbox made with $sandbox $note", ({ sandbox, skip }) => {
  /** Builds an application that is these scripts, with secrets all around. */
  async function attack(
    scripts: { readonly detect?: string; readonly build: string },
    options: { readonly image?: string; readonly args?: readonly string[] } = {},
  ): Promise<Finished> {
    count += 1;
    const app = scriptedApp(join(directory, `app-${sandbox}-${count}`), scripts);
    copyFileSync(join(import.meta.dirname, "search-inside.mjs"), join(app, "search.mjs"));
    const image = options.image ?? `e2e/attack-${sandbox}`;
    const args = ["build", image, "--path", app, "--builder", scriptedBuilder, "--sandbox", sandbox];
    const env = { HOME: join(directory, "home"), PRIVATE_TOKEN: secret, CNB_REGISTRY_AUTH: registryAuth() };
    return tspack(person, [...args, ...(options.args ?? [])], { env });
  }

  function registryAuth(): string {
    return JSON.stringify({ "registry.invalid": `Basic ${Buffer.from(`someone:${secret}`).toString("base64")}` });
  }

  it.skipIf(skip)("shows no credential in the environment, in files or in /proc", async () => {
    const { code, stderr } = await attack({
      build: `
        ( exec -a decoy sleep 30 ${decoy} ) & echo ${decoy} > /tmp/decoy; export DECOY=${decoy}
        node() { /cnb/lifecycle/ld-linux-*.so.* --library-path /cnb/lifecycle /cnb/lifecycle/node "$@"; }
        node /workspace/search.mjs ${search.join(" ")} && echo searched; kill %1`,
    });
    expect(stderr).toContain("searched");
    const found = [...stderr.matchAll(/^(?:\[[^\]]*\] )?FOUND (\d) (.*)$/gm)].map(
      ([, index, where]) => `${index} ${where}`,
    );
    // What it finds of the decoy shows that it would have found a secret.
    expect(found).toEqual(expect.arrayContaining(["0 environment", "0 /tmp/decoy"]));
    expect(found.filter((line) => line.startsWith("0 /proc/")).length).toBeGreaterThan(0);
    expect(found.filter((line) => !line.startsWith("0 "))).toEqual([]);
    expect(code).toBe(0);
  });

  it.skipIf(skip)("shows neither the homes nor any other file of the machine", async () => {
    const { stderr } = await attack({
      build: `
        for path in '${directory}' '${person.home}' '${process.cwd()}' /host /oldroot /newroot "$HOME/.docker" /home/*/.ssh; do [ -e "$path" ] && echo "SEEN $path"; done
        cut -d' ' -f5 /proc/self/mountinfo | while read -r path; do case "$path" in /tmp/*|/root/*|'${process.cwd()}'*|/oldroot*|/newroot*) echo "SEEN mount $path";; esac; done
        ls /proc/1/root/ >/dev/null 2>&1 && [ -e "/proc/1/root${directory}" ] && echo "SEEN through /proc"
        ls / | tr '\\n' ' '; echo looked`,
    });
    expect(stderr).toContain("looked");
    expect(stderr).not.toContain("SEEN");
  });

  it.skipIf(skip)("lets nothing be written but the application, the layers and /tmp", async () => {
    const { stderr } = await attack({
      build: `
        for path in / /cnb /cnb/lifecycle /cnb/buildpacks /etc /usr/bin /platform /platform/env /proc/sys/kernel /dev/shm /var/tmp /opt; do
          [ -d "$path" ] && ( echo x > "$path/e2e-mark" ) 2>/dev/null && echo "WROTE $path/"
        done
        # Opened and not written: what succeeds where it must not is the machine's own.
        for file in /cnb/lifecycle/lifecycle /cnb/order.toml /etc/passwd /etc/hosts /etc/resolv.conf /platform/env/* /proc/sysrq-trigger /proc/sys/kernel/core_pattern; do
          [ -e "$file" ] && ( : >> "$file" ) 2>/dev/null && echo "WROTE $file"
        done
        mount -o remount,rw / 2>/dev/null && echo "WROTE mount"
        echo x > /tmp/allowed && echo x > /workspace/allowed && echo x > "$CNB_LAYERS_DIR/allowed" && echo tried`,
    });
    expect(stderr).toContain("tried");
    const written = [...stderr.matchAll(/WROTE (\S+)/g)].map(([, path]) => path);
    expect(written.filter((path) => path !== "/dev/shm/")).toEqual([]);
  });

  it.skipIf(skip)("has no privilege, and gains none", async () => {
    const { stderr } = await attack({
      build: `
        tr '\\t' ' ' < /proc/self/status
        id -u; su -c 'id -u' 2>/dev/null && echo "BECAME root"; chown 0:0 /workspace/build.sh 2>/dev/null && echo "BECAME owner"
        [ -e /dev/sda ] || [ -e /dev/mem ] || [ -e /dev/kmsg ] && echo "BECAME device"; echo tried`,
    });
    expect(stderr).toContain("tried");
    expect(stderr).not.toContain("BECAME");
    expect(stderr).toMatch(/CapEff: 0+\n/);
    expect(stderr).toMatch(/CapPrm: 0+\n/);
    expect(stderr).toMatch(/NoNewPrivs: 1\n/);
    expect(stderr).toMatch(/Uid: 1000 1000 1000 1000\n/);
  });

  it.skipIf(skip)("neither shows nor lets signal processes of the machine, and takes its own along", async () => {
    // A number that nothing else on this machine sleeps for.
    const duration = String(800_000 + process.pid);
    const { code, stderr } = await attack({
      build: `
        (setsid sleep ${duration} </dev/null >/dev/null 2>&1 &)
        (trap '' TERM HUP INT; exec sleep ${duration} </dev/null >/dev/null 2>&1) &
        kill -0 ${process.pid} 2>/dev/null && [ -r /proc/${process.pid}/status ] && grep -q node /proc/${process.pid}/comm && echo "SIGNALS ${process.pid}"
        echo "count $(ls -d /proc/[0-9]* | wc -l)"`,
    });
    expect(code).toBe(0);
    expect(stderr).not.toContain("SIGNALS");
    expect(Number(/count (\d+)/.exec(stderr)?.[1])).toBeLessThan(20);
    expect(processesWith(`sleep\0${duration}`)).toEqual([]);
    expect(leftovers(person)).toEqual([]);
  });

  it.skipIf(skip).each([
    ["a layer's metadata", 'ln -s TARGET "$CNB_LAYERS_DIR/data.toml"; mkdir "$CNB_LAYERS_DIR/data"'],
    ["launch.toml", 'ln -s TARGET "$CNB_LAYERS_DIR/launch.toml"'],
    ["group.toml", "rm -f /layers/group.toml; ln -s TARGET /layers/group.toml"],
    ["analyzed.toml", "rm -f /layers/analyzed.toml; ln -s TARGET /layers/analyzed.toml"],
    ["an SBOM", 'ln -s TARGET "$CNB_LAYERS_DIR/launch.sbom.cdx.json"'],
    ["its directory", 'mv "$CNB_LAYERS_DIR" /layers/other; ln -s TARGET "$CNB_LAYERS_DIR"'],
    ["the build's results", "mkdir -p /tmp/config; rm -rf /layers/config; ln -s TARGET /layers/config"],
  ])("refuses %s that is a link to a file of the machine", async (_what, script) => {
    const target = join(directory, "home/.docker");
    const { code, stdout, stderr } = await attack({ build: script.replaceAll("TARGET", target) });
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/^error [A-Z_]+: /m);
    expect(stdout + stderr).not.toContain(secret);
    expect(stderr).not.toContain("internal error");
    expect(leftovers(person)).toEqual([]);
  });

  it.skipIf(skip)("packs links in layers and application as links, wherever they lead", async () => {
    const image = `e2e/links-${sandbox}`;
    const target = join(directory, "home/.docker");
    const { code, stderr } = await attack(
      {
        build: `
        ln -s ${target} /workspace/outside
        mkdir "$CNB_LAYERS_DIR/inner"; ln -s ${target}/config.json "$CNB_LAYERS_DIR/inner/file"
        ln -s ${target} "$CNB_LAYERS_DIR/data"
        for name in inner data; do printf '[types]\\nlaunch = true\\n' > "$CNB_LAYERS_DIR/$name.toml"; done
        printf '[[slices]]\\npaths = ["outside/*", "outside"]\\n' > "$CNB_LAYERS_DIR/launch.toml"`,
      },
      { image },
    );
    // A layer that is a link may be refused; what it leads to must not be in the image.
    if (code !== 0) expect(stderr).toMatch(/^error [A-Z_]+: /m);
    else expect(await imageContents(person, image)).not.toContain(secret);
    expect(stderr).not.toContain("internal error");
  });

  it.skipIf(skip)("does not restore a layer through a link that detect made", async () => {
    const image = `e2e/restore-${sandbox}`;
    const target = join(directory, `target-${sandbox}`);
    mkdirSync(target);
    const build = `mkdir -p "$CNB_LAYERS_DIR/data"; echo x > "$CNB_LAYERS_DIR/data/planted"; printf '[types]\\ncache = true\\n' > "$CNB_LAYERS_DIR/data.toml"`;
    expect(await attack({ build }, { image })).toMatchObject({ code: 0 });
    const again = await attack(
      { detect: `mkdir -p /layers/test_scripted; ln -s ${target} /layers/test_scripted/data`, build },
      { image },
    );
    expect(readdirSync(target)).toEqual([]);
    expect(again.stderr).toMatch(
      /Warning: Skipping restore for layer test\/scripted:data: .* leads out of its directory/,
    );
  });

  it.skipIf(skip)("passes any amount of output on", async () => {
    const { code, stderr } = await attack({
      build:
        "head -c 20000000 /dev/zero | tr '\\0' x; echo; head -c 20000000 /dev/zero | tr '\\0' '\\n' | head -50000; echo last",
    });
    expect(code).toBe(0);
    expect(stderr.match(/x/g)?.length).toBeGreaterThan(19_999_999);
    expect(stderr).toMatch(/^(\[[^\]]*\] )?last$/m);
  });

  it.skipIf(skip)("cuts the network when told to, and only then", async () => {
    const server = await listen();
    try {
      const { port } = server.address() as AddressInfo;
      const build = `(exec 3<>/dev/tcp/127.0.0.1/${port}) 2>/dev/null && echo CONNECTED || echo REFUSED; tail -n +3 /proc/net/dev | cut -d: -f1`;
      const open = await attack({ build });
      expect(open.stderr).toContain("CONNECTED");
      const cut = await attack({ build }, { args: ["--network", "none"] });
      expect(cut.stderr).toContain("REFUSED");
      expect(cut.stderr).not.toContain("eth0");
      expect(cut.code).toBe(0);
    } finally {
      server.close();
    }
  });
});

it("keeps credentials out of everything that tspack keeps", async () => {
  for (const path of filesBelow(person.home)) {
    if (path.includes("/cache/downloads/") || path.includes("/data/rootfs-v1/") || statSync(path).size > 5_000_000)
      continue;
    const content = readFileSync(path, "latin1");
    for (const text of [secret, encoded]) expect(content.includes(text) ? path : "").toBe("");
  }
});

async function listen(): Promise<Server> {
  const server = createServer((_request, response) => response.end());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

/** Everything that is in an image's layers, as text. */
async function imageContents(of: Person, name: string): Promise<string> {
  const image = await layoutStore(join(of.home, "data/images")).resolve(parseReference(name));
  if (image === undefined) throw new Error(`there is no image ${name}`);
  const chunks: Uint8Array[] = [];
  // The run image has nothing of the build in it.
  for (const layer of (await image.layers()).slice(1))
    for await (const chunk of layer.uncompressed()) chunks.push(chunk);
  return Buffer.concat(chunks).toString("latin1");
}

function filesBelow(path: string): readonly string[] {
  const entries = readdirSync(path, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}
