import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LostRequests } from '../../../../src/transports/http3/lost-requests.js';
import { until } from '../../../support/until.js';

test('what is silent after clients were held back is lost, and nothing else', async () => {
  const lost: string[] = [];
  const requests = new LostRequests(40);
  const make = (name: string) => {
    const request = {
      lost: () => {
        lost.push(name);
        requests.leave(request);
      },
    };
    requests.enter(request);
    return request;
  };
  const [heard, left] = [make('heard'), make('left')];
  make('silent');
  requests.paused();
  requests.resumed();
  make('late');
  requests.heard(heard);
  requests.leave(left);
  await until(() => lost.length > 0, 'a loss');
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.deepEqual(lost, ['silent']);
  make('held back');
  requests.resumed();
  requests.paused();
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.deepEqual(lost, ['silent']);
  requests.resumed();
  await until(() => lost.length === 4, 'the others');
  requests.close();
});
