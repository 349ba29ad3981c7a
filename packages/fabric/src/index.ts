export {
  CLOSE_CODE,
  ConnectError,
  FabricClosedError,
  FrameDecodeError,
  HandshakeError,
  type HandshakeSubject,
  PeerLostError,
} from './errors.js';
export { DEFAULT_CREDITS_PER_PEER, DEFAULT_MAX_PAYLOAD_BYTES } from './fabric.js';
export type { Endpoint, Fabric, FabricStatistics, Receiver } from './fabric.js';
export { decodeFrame } from './frame-decoder.js';
export { encodeFrame } from './frame-encoder.js';
export { type FrameContent, frameContent, PROTOCOL_VERSION } from './frame-layout.js';
export { encodeHello, type Hello } from './handshake.js';
export { MemoryFabric, type MemoryFabricOptions } from './memory.js';
export type {
  Address,
  CreditMessage,
  CreditReturn,
  Header,
  HeaderMessage,
  Message,
  OutgoingHeader,
  OutgoingPayload,
  Payload,
  PayloadMessage,
} from './messages.js';
export { ADDRESS_LIMIT, MAX_HEADER_INTEGERS } from './messages.js';
export type { HostEventListener } from './peer-link.js';
export { WebSocketFabric, type WebSocketFabricOptions } from './websocket.js';
