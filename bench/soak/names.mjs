/** A DNS server over UDP (RFC 1035), in whose SRV records the origins come and go. Some questions it does not answer. */

import { createSocket } from 'node:dgram';
import { DOMAIN, nameOf } from './origins.mjs';

const A = 1;
const SRV = 33;
const SERVER_FAILURE = 2;
const FAILING = 0.05;

const chance = (/** @type {number} */ share) => Math.random() < share;

/**
 * @param {readonly number[]} ports of the origins
 * @returns {Promise<{ server: string, calm: () => void }>} its address; after `calm` all origins are found
 */
export async function serveNames(ports) {
  let isCalm = false;
  const socket = createSocket('udp4');
  socket.unref();
  socket.on('message', (packet, { port, address }) => {
    const { name, end } = nameIn(packet);
    const type = packet.readUInt16BE(end);
    const fails = !isCalm && chance(FAILING);
    const isService = type === SRV && name === DOMAIN;
    // A lookup without an answer takes six seconds.
    if (fails && isService && chance(0.1)) return;
    const answers = fails ? [] : isService ? services(ports, isCalm) : type === A ? [Buffer.from([127, 0, 0, 1])] : [];
    const head = Buffer.from(packet.subarray(0, 12));
    head.writeUInt16BE(0x8580 | (fails ? SERVER_FAILURE : 0), 2);
    head.writeUInt16BE(answers.length, 6);
    head.writeUInt32BE(0, 8);
    const records = answers.map((data) => recordOf(type, data));
    socket.send(Buffer.concat([head, packet.subarray(12, end + 4), ...records]), port, address);
  });
  await new Promise((resolve) => socket.bind(0, '127.0.0.1', () => resolve(undefined)));
  return {
    server: `127.0.0.1:${socket.address().port}`,
    calm() {
      isCalm = true;
    },
  };
}

/**
 * The first origin always serves.
 * @param {readonly number[]} ports
 * @param {boolean} isCalm
 */
function services(ports, isCalm) {
  return ports.flatMap((port, number) => {
    if (number > 0 && !isCalm && chance(0.3)) return [];
    const data = Buffer.alloc(6);
    data.writeUInt16BE(number > 0 && !isCalm && chance(0.2) ? 1 : 0, 0);
    data.writeUInt16BE(isCalm ? 0 : Math.floor(Math.random() * 500), 2);
    data.writeUInt16BE(port, 4);
    const labels = nameOf(number).split('.');
    return [
      Buffer.concat([
        data,
        ...labels.map((one) => Buffer.from(`${String.fromCharCode(one.length)}${one}`)),
        Buffer.of(0),
      ]),
    ];
  });
}

/**
 * @param {number} type
 * @param {Buffer} data
 */
function recordOf(type, data) {
  const head = Buffer.alloc(12);
  head.writeUInt16BE(0xc00c, 0); // the name of the question
  head.writeUInt16BE(type, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
}

/** @param {Buffer} packet */
function nameIn(packet) {
  const labels = [];
  let at = 12;
  for (let length = packet[at] ?? 0; length > 0; length = packet[at] ?? 0) {
    labels.push(packet.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join('.').toLowerCase(), end: at + 1 };
}
