/** The status as comma-separated values with HAProxy's columns, so that programs which read HAProxy's can read these. */

import { checkColumns } from './check-columns.js';
import { type OriginReport, type StatusReport, total } from './report.js';

/** The columns of HAProxy 2.6, in its order. Columns for which there is nothing here are empty. */
const COLUMNS = (
  'pxname,svname,qcur,qmax,scur,smax,slim,stot,bin,bout,dreq,dresp,ereq,econ,eresp,wretr,wredis,status,weight,act,bck,' +
  'chkfail,chkdown,lastchg,downtime,qlimit,pid,iid,sid,throttle,lbtot,tracked,type,rate,rate_lim,rate_max,check_status,' +
  'check_code,check_duration,hrsp_1xx,hrsp_2xx,hrsp_3xx,hrsp_4xx,hrsp_5xx,hrsp_other,hanafail,req_rate,req_rate_max,' +
  'req_tot,cli_abrt,srv_abrt,comp_in,comp_out,comp_byp,comp_rsp,lastsess,last_chk,last_agt,qtime,ctime,rtime,ttime,' +
  'agent_status,agent_code,agent_duration,check_desc,agent_desc,check_rise,check_fall,check_health,agent_rise,' +
  'agent_fall,agent_health,addr,cookie,mode,algo,conn_rate,conn_rate_max,conn_tot,intercepted,dcon,dses,wrew,connect,' +
  'reuse,cache_lookups,cache_hits,srv_icur,src_ilim,qtime_max,ctime_max,rtime_max,ttime_max,eint,idle_conn_cur,' +
  'safe_conn_cur,used_conn_cur,need_conn_est'
).split(',');

/** Columns of the backend that are the sums of its origins'. */
const SUMMED = (
  'slim,stot,econ,eresp,wretr,lbtot,hrsp_2xx,hrsp_3xx,hrsp_4xx,hrsp_5xx,hrsp_other,req_tot,cli_abrt,srv_abrt,connect,' +
  'reuse'
).split(',');

type Row = Readonly<Record<string, string | number | null>>;

/** One line for each origin (type 2), and one for the backend (type 1). */
export function statusCsv(report: StatusReport): string {
  const origins = report.origins.map((origin, index) => originRow(report, origin, index + 1));
  const lines = [...origins, backendRow(report, origins)].map(
    (row) => `${COLUMNS.map((name) => field(row[name])).join(',')},`,
  );
  return `# ${COLUMNS.join(',')},\n${lines.map((line) => `${line}\n`).join('')}`;
}

/** As HAProxy writes a field: in quotes if it contains a comma. (HAProxy also ends each line with a comma.) */
function field(value: string | number | null | undefined): string {
  const text = String(value ?? '');
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""').replaceAll(/[\r\n]+/g, ' ')}"` : text;
}

/** Whether the origin can be given requests. */
function isUp({ health, backoff }: OriginReport): boolean {
  return health.state === 'healthy' && backoff.state === 'ready';
}

/** In HAProxy's words. An origin that its owner has drained is neither up nor down. */
function statusOf(origin: OriginReport): 'UP' | 'DOWN' | 'DRAIN' {
  if (origin.service !== 'serving' || origin.weight === 0) return 'DRAIN';
  return isUp(origin) ? 'UP' : 'DOWN';
}

function originRow({ title }: StatusReport, origin: OriginReport, id: number): Row {
  const { connections, responses, closed, health, backoff } = origin;
  const sinceMs = backoff.sinceMs ?? health.sinceMs;
  return {
    pxname: title,
    svname: origin.origin,
    scur: connections.busy,
    slim: origin.maxConnections,
    stot: origin.requests,
    econ: origin.dialsFailed,
    eresp: broken(origin),
    wretr: total(origin.resent),
    status: statusOf(origin),
    weight: origin.weight,
    act: origin.backup ? 0 : 1,
    bck: origin.backup ? 1 : 0,
    ...checkColumns(origin.check),
    lastchg: sinceMs === null ? null : Math.floor(sinceMs / 1000),
    pid: 1,
    iid: 1,
    sid: id,
    type: 2,
    lbtot: origin.requests,
    check_desc: health.reason ?? backoff.error,
    hrsp_2xx: responses['2xx'],
    hrsp_3xx: responses['3xx'],
    hrsp_4xx: responses['4xx'],
    hrsp_5xx: responses['5xx'],
    hrsp_other: responses.other,
    req_tot: origin.requests,
    cli_abrt: closed.aborted ?? 0,
    srv_abrt: (closed.silent ?? 0) + (closed.failed ?? 0),
    addr: origin.origin.replace(/^https?:\/\//, ''),
    mode: 'http',
    connect: origin.dialled,
    reuse: origin.reused,
    srv_icur: connections.idle,
    idle_conn_cur: connections.idle,
    used_conn_cur: connections.busy,
  };
}

function backendRow({ title, origins, queue, inFlight, state }: StatusReport, rows: readonly Row[]): Row {
  const up = origins.filter((origin) => statusOf(origin) === 'UP');
  const sums = SUMMED.map((name) => [name, rows.reduce((all, row) => all + Number(row[name]), 0)]);
  return {
    ...Object.fromEntries(sums),
    pxname: title,
    svname: 'BACKEND',
    qcur: queue.length,
    scur: inFlight,
    dreq: total(queue.refused),
    status: up.length > 0 && state === 'open' ? 'UP' : 'DOWN',
    weight: up.reduce((all, one) => all + one.weight, 0),
    act: up.filter((one) => !one.backup).length,
    bck: up.filter((one) => one.backup).length,
    qlimit: Number.isFinite(queue.max) ? queue.max : null,
    pid: 1,
    iid: 1,
    sid: 0,
    type: 1,
    mode: 'http',
  };
}

/** Connections that ended before the response was complete, or with a response that could not be parsed. */
function broken({ closed }: OriginReport): number {
  const { silent = 0, failed = 0, timeout = 0, garbage = 0 } = closed;
  return silent + failed + timeout + garbage;
}
