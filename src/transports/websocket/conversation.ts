import type { Channel, ChannelUser } from './channel.js';
import type { ExchangeHost } from './websocket-exchange.js';

/** What a conversation has of its transport. */
export interface ConversationHost extends ExchangeHost {
  /** It is over: its connection and whatever was under way on it. Called once. */
  over(conversation: Conversation): void;
}

/** What is spoken on one connection. */
export interface Conversation extends ChannelUser {
  /** The connection, once it is upgraded. */
  attach(channel: Channel): void;
  /** The upgrade came to nothing. */
  abandon(): void;
  /** Finishes what runs and begins nothing new. */
  drain(): void;
  /** Ends now. */
  cut(): void;
}
