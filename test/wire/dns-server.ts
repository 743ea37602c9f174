/** A DNS server on loopback (RFC 1035) with the records of a test: over UDP, with one question in each packet. */

import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { onTestFinished } from 'vitest';

export interface AddressAnswer {
  readonly address: string;
  readonly ttl?: number;
}

export interface ServiceAnswer {
  readonly target: string;
  readonly port: number;
  readonly priority?: number;
  readonly weight?: number;
}

type Answer = AddressAnswer | ServiceAnswer;
/** `refused`: a failure of the server; `silent`: no answer. A name that was not set does not exist. */
type Zone = Map<string, readonly Answer[] | 'refused' | 'silent'>;

const TYPES: Readonly<Record<number, string>> = { 1: 'A', 28: 'AAAA', 33: 'SRV' };
const NUMBERS: Readonly<Record<string, number>> = { A: 1, AAAA: 28, SRV: 33 };
const SERVER_FAILURE = 2;
const NO_SUCH_NAME = 3;

export class DnsServer {
  /** `type name` of each question that came. */
  readonly questions: string[] = [];
  readonly #zone: Zone = new Map();
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('message', (packet, sender) => this.#answer(packet, sender));
  }

  /** Starts a server. It is closed with the test. */
  static async start(): Promise<DnsServer> {
    const socket = createSocket('udp4');
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    onTestFinished(() => void socket.close());
    return new DnsServer(socket);
  }

  /** The address for the option `servers`. */
  get address(): string {
    return `127.0.0.1:${this.#socket.address().port}`;
  }

  /** Sets the records of a name. With an empty list, the name exists without such records. */
  set(type: 'A' | 'AAAA' | 'SRV', name: string, answers: readonly Answer[] | 'refused' | 'silent'): void {
    this.#zone.set(`${type} ${name}`, answers);
  }

  forget(type: 'A' | 'AAAA' | 'SRV', name: string): void {
    this.#zone.delete(`${type} ${name}`);
  }

  asked(question: string): number {
    return this.questions.filter((one) => one === question).length;
  }

  #answer(packet: Buffer, { port, address }: RemoteInfo): void {
    const { name, end } = nameIn(packet);
    const type = TYPES[packet.readUInt16BE(end)] ?? 'other';
    this.questions.push(`${type} ${name}`);
    const found = this.#zone.get(`${type} ${name}`);
    if (found === 'silent') return;
    const known = Object.keys(NUMBERS).some((one) => this.#zone.has(`${one} ${name}`));
    const answers = typeof found === 'object' ? found : [];
    const code = found === 'refused' ? SERVER_FAILURE : known ? 0 : NO_SUCH_NAME;
    const head = Buffer.from(packet.subarray(0, 12));
    head.writeUInt16BE(0x8580 | code, 2); // a response, authoritative, recursion wanted and available
    head.writeUInt16BE(answers.length, 6);
    head.writeUInt32BE(0, 8);
    const records = answers.map(recordOf);
    this.#socket.send(Buffer.concat([head, packet.subarray(12, end + 4), ...records]), port, address);
  }
}

function nameIn(packet: Buffer): { readonly name: string; readonly end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = packet[at] ?? 0; length > 0; length = packet[at] ?? 0) {
    labels.push(packet.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join('.').toLowerCase(), end: at + 1 };
}

function recordOf(answer: Answer): Buffer {
  const [type, data] = 'address' in answer ? addressData(answer) : ['SRV', serviceData(answer)];
  const head = Buffer.alloc(12);
  head.writeUInt16BE(0xc00c, 0); // the name of the question
  head.writeUInt16BE(NUMBERS[type] ?? 0, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt32BE('address' in answer ? (answer.ttl ?? 0) : 0, 6);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
}

function addressData({ address }: AddressAnswer): [type: string, data: Buffer] {
  if (!isIPv6(address)) return ['A', Buffer.from(address.split('.').map(Number))];
  const [before = '', after = ''] = address.split('::');
  const groups = (part: string) => (part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16)));
  const [front, back] = [groups(before), groups(after)];
  const all = [...front, ...Array<number>(8 - front.length - back.length).fill(0), ...back];
  return ['AAAA', Buffer.from(all.flatMap((group) => [group >> 8, group & 255]))];
}

function serviceData({ target, port, priority = 0, weight = 0 }: ServiceAnswer): Buffer {
  const head = Buffer.alloc(6);
  for (const [index, value] of [priority, weight, port].entries()) head.writeUInt16BE(value, 2 * index);
  const labels = target.split('.').filter((label) => label !== '');
  const name = labels.flatMap((label) => [Buffer.from([label.length]), Buffer.from(label)]);
  return Buffer.concat([head, ...name, Buffer.from([0])]);
}
