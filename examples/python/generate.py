"""Generates an image, prints its status changes, and saves it: python generate.py 'a tin robot watering basil' robot"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from uuid import uuid4

import httpx
from gql import Client, gql
from gql.transport.exceptions import TransportError
from gql.transport.httpx import HTTPXAsyncTransport
from gql.transport.websockets import WebsocketsTransport
from websockets.exceptions import ConnectionClosed

URL = os.environ.get('PLANTAIN_URL', 'http://127.0.0.1:4000') + '/graphql'
AUTHORIZATION = {'authorization': 'Bearer ' + os.environ.get('PLANTAIN_TOKEN', '')}
LONGEST_WAIT = 10  # seconds

STATE = 'fragment State on Task { version status metadata failure { message advice } images { url contentType } }'
GENERATE = """
mutation ($input: GenerateImagesInput!) {
  generateImages(input: $input) { __typename ... on TaskAccepted { task { ...State } } ... on UserError { message } }
}"""
EVENTS = 'subscription ($after: String) { taskEvents(after: $after) { cursor task { ...State } } }'


def request(document: str, variables: dict):
    operation = gql(document + STATE)
    operation.variable_values = variables
    return operation


async def generate(prompt: str, run: str) -> dict:
    """Submits the task. Repeated with the same key, it returns the same task, which is charged once."""
    submission = request(GENERATE, {'input': {'prompt': prompt, 'idempotencyKey': run, 'metadata': {'run': run}}})
    async with Client(transport=HTTPXAsyncTransport(URL, headers=AUTHORIZATION)) as session:
        result = (await session.execute(submission))['generateImages']
    if 'task' not in result:
        raise ValueError('{__typename}: {message}'.format(**result))
    return result['task']


async def states(prompt: str, run: str) -> AsyncIterator[dict]:
    """Yields the task after each change and reconnects when the connection is lost."""
    cursor, wait = None, 0.5
    while True:
        socket = WebsocketsTransport(
            'ws' + URL.removeprefix('http'),
            init_payload=AUTHORIZATION,
            ping_interval=20,
            pong_timeout=10,
        )
        try:
            async with (
                Client(transport=socket) as session,
                aclosing(session.subscribe(request(EVENTS, {'after': cursor}))) as events,
            ):
                next_event = asyncio.ensure_future(anext(events))
                try:
                    if cursor is None:
                        # Submitted after subscribing. The result contains what happened before the first event.
                        yield await generate(prompt, run)
                    while True:
                        event = (await next_event)['taskEvents']
                        cursor, wait = event['cursor'], 0.5
                        if event['task']['metadata'] == {'run': run}:
                            yield event['task']
                        next_event = asyncio.ensure_future(anext(events))
                finally:
                    next_event.cancel()
                    await asyncio.wait([next_event])
        except (TransportError, httpx.TransportError, OSError) as error:
            if is_rejection(error):
                raise
            print(f'Connection lost ({error.__cause__ or error}), retrying in {wait} s.', file=sys.stderr)
            await asyncio.sleep(wait)
            wait = min(2 * wait, LONGEST_WAIT)


def is_rejection(error: Exception) -> bool:
    """Returns whether the gateway rejected the request, so that a retry would not help."""
    closed = error.__cause__
    if isinstance(closed, ConnectionClosed):
        return closed.rcvd is not None and closed.rcvd.code >= 4400
    status = getattr(error, 'code', None)
    return getattr(error, 'errors', None) is not None or (status is not None and status < 500)


async def main(prompt: str, file: str) -> None:
    version = 0
    async with aclosing(states(prompt, run=str(uuid4()))) as changes:
        async for task in changes:
            # The result of the mutation and its event can have the same version.
            if task['version'] <= version:
                continue
            version = task['version']
            print(task['status'], flush=True)
            if task['status'] in ('SUCCEEDED', 'FAILED', 'CANCELED'):
                break

    if not task['images']:
        raise ValueError('{message} {advice}'.format(**task['failure'] or {'message': 'Canceled.', 'advice': ''}))
    image = task['images'][0]
    path = Path(file).with_suffix('.' + image['contentType'].removeprefix('image/'))
    async with httpx.AsyncClient() as http:
        path.write_bytes((await http.get(image['url'])).raise_for_status().content)
    print(path)


if __name__ == '__main__':
    if len(sys.argv) < 2 or 'PLANTAIN_TOKEN' not in os.environ:
        sys.exit('PLANTAIN_TOKEN=… python generate.py PROMPT [FILE]')
    try:
        asyncio.run(main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else 'image'))
    except (ValueError, TransportError) as error:
        sys.exit(str(error.__cause__ or error))
