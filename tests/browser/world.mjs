// What the page shows: the daemon of the test, its table, and the stand-in for Stibee.
import {execFileSync} from "node:child_process";
import {readFileSync} from "node:fs";

const environment = (name) => {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set`);
  return value;
};

export const url = environment("PAGE_URL");
const program = environment("STIBEE_SYNCD");
const config = environment("STIBEE_CONFIG");
const simulator = environment("STIBEE_SIM_CONTROL");
const database = /^ +url: (\S+)$/m.exec(readFileSync(config, "utf8"))[1];

/** One command of stibee-syncd; the daemon is steered as ops steer it. */
export function syncd(...command) {
  return execFileSync(program, ["--config", config, ...command], {encoding: "utf8"});
}

export function sql(statement) {
  execFileSync("psql", ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--command", statement, database]);
}

/** How the stand-in for Stibee fails from now on; {}: not at all. */
export async function faults(plan) {
  const answer = await fetch(`${simulator}/_sim/faults`, {method: "POST", body: JSON.stringify(plan)});
  if (!answer.ok) throw new Error(await answer.text());
}

export async function status() {
  return (await fetch(url, {headers: {Accept: "application/json"}})).json();
}

/** Ends the daemon, as `systemctl stop` does. */
export function stopDaemon() {
  process.kill(Number(environment("DAEMON_PID")), "SIGTERM");
}
