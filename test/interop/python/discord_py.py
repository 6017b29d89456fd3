"""Unmodified discord.py against a real server: what a bot's author does in a day.

Run by test/interop/discord-py.test.ts, which makes the guild and gives its ids in the environment. Prints one JSON object a
line for every step, {"step", "error"}, and goes on after a failed one; error is null when the step went well.
"""

import asyncio
import io
import json
import os
import sys
import traceback

import aiohttp
import discord
import yarl
from discord import app_commands

ORIGIN = os.environ["ORIGIN"]
GUILD = int(os.environ["GUILD"])
CHANNEL = int(os.environ["CHANNEL"])
VOICE = int(os.environ["VOICE"])
OWNER = int(os.environ["OWNER"])
OWNER_TOKEN = os.environ["OWNER_TOKEN"]
PERSON = int(os.environ["PERSON"])
MEMBERS = int(os.environ["MEMBERS"])

# For one event to come; generous, because the machine may be busy.
DEADLINE_S = 20
MEANWHILE = 100

discord.http.Route.BASE = f"{ORIGIN}/api/v10"
discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(f"{ORIGIN.replace('http', 'ws')}/")


class Bot(discord.Client):
    def __init__(self) -> None:
        super().__init__(intents=discord.Intents.all(), chunk_guilds_at_startup=False, guild_ready_timeout=0.5)
        self.tree = app_commands.CommandTree(self)
        self.resumed = asyncio.Event()
        self.heard: list[str] = []

    async def on_resumed(self) -> None:
        self.resumed.set()

    async def on_message(self, message: discord.Message) -> None:
        self.heard.append(message.content)

    async def hear(self, event: str, accept=lambda *args: True):
        return await self.wait_for(event, check=accept, timeout=DEADLINE_S)

    @property
    def home(self) -> discord.Guild:
        guild = self.get_guild(GUILD)
        assert guild is not None
        return guild

    @property
    def hall(self) -> discord.TextChannel:
        channel = self.get_channel(CHANNEL)
        assert isinstance(channel, discord.TextChannel)
        return channel


async def brings(listener: Bot, event: str, action, accept=lambda *args: True):
    """Does something and waits for the event that it brings to the other bot."""
    heard = asyncio.ensure_future(listener.hear(event, accept))
    # wait_for registers its listener at once, but only when the task runs.
    await asyncio.sleep(0)
    done = await action
    return done, await heard


async def as_owner(method: str, path: str, body=None):
    async with aiohttp.ClientSession() as session:
        headers = {"Authorization": OWNER_TOKEN}
        async with session.request(method, f"{ORIGIN}/api/v10{path}", json=body, headers=headers) as reply:
            assert reply.status < 300, f"{method} {path}: {reply.status} {await reply.text()}"
            return await reply.json() if reply.status != 204 else None


# ---- the steps, in order; each takes the two bots


async def knows_the_guild(ping: Bot, pong: Bot) -> None:
    guild = ping.home
    assert guild.name == "Test guild", guild.name
    assert guild.owner_id == OWNER
    assert guild.me is not None and guild.me.id == ping.user.id
    assert guild.default_role.id == GUILD
    assert isinstance(guild.get_channel(VOICE), discord.VoiceChannel)
    assert guild.unavailable is False
    assert ping.hall.permissions_for(guild.me).administrator
    assert (await ping.application_info()).owner.id == OWNER
    assert (await ping.fetch_guild(GUILD)).approximate_member_count >= 3
    assert [guild.id async for guild in ping.fetch_guilds()] == [GUILD]


async def members(ping: Bot, pong: Bot) -> None:
    guild = ping.home
    fetched = [member.id async for member in guild.fetch_members(limit=None)]
    assert len(fetched) == len(set(fetched)) == MEMBERS, len(fetched)
    chunked = await asyncio.wait_for(guild.chunk(cache=True), DEADLINE_S * 3)
    assert len(chunked) == MEMBERS, len(chunked)
    assert guild.chunked
    # Events about members that a bot has not cached are lost on it; the guild is too large to come whole.
    await pong.home.chunk()
    found = await guild.query_members(query="pong", limit=5, presences=True)
    assert pong.user.id in [member.id for member in found]
    named = await guild.query_members(user_ids=[PERSON, OWNER])
    assert sorted(member.id for member in named) == sorted([PERSON, OWNER])
    assert (await guild.fetch_member(PERSON)).id == PERSON


async def two_bots_talk(ping: Bot, pong: Bot) -> None:
    sent, message = await brings(pong, "message", ping.hall.send("ping?", nonce=12345), lambda m: m.content == "ping?")
    assert message.id == sent.id and message.author.id == ping.user.id
    assert isinstance(message.author, discord.Member)
    # discord.py sends the reference's ids as JSON numbers beyond 2^53.
    _, reply = await brings(ping, "message", message.reply("pong!"), lambda m: m.content == "pong!")
    assert reply.reference.message_id == sent.id
    assert reply.reference.resolved.content == "ping?"
    assert ping.user in reply.mentions
    quiet = discord.AllowedMentions(users=[discord.Object(PERSON)], everyone=False, replied_user=False)
    naming = sent.reply(f"<@{PERSON}> <@{OWNER}>", allowed_mentions=quiet)
    _, named = await brings(pong, "message", naming, lambda m: m.content.startswith("<@"))
    assert [user.id for user in named.mentions] == [PERSON], named.mentions


async def embed_and_files(ping: Bot, pong: Bot) -> None:
    embed = discord.Embed(title="Title", description="described", colour=0x336699, timestamp=discord.utils.utcnow())
    embed.add_field(name="n", value="v").set_footer(text="foot").set_author(name="author")
    embed.set_image(url="attachment://second.png")
    files = [
        discord.File(io.BytesIO(b"first file"), "first.txt", description="the first"),
        discord.File(io.BytesIO(b"\x89PNG"), "second.png"),
    ]
    sending = ping.hall.send("two files", embed=embed, files=files)
    sent, message = await brings(pong, "message", sending, lambda m: m.content == "two files")
    assert message.embeds[0].title == "Title" and message.embeds[0].colour.value == 0x336699
    assert message.embeds[0].fields[0].value == "v"
    first, second = message.attachments
    assert first.filename == "first.txt" and first.description == "the first"
    assert first.content_type.startswith("text/plain"), first.content_type
    assert second.size == 4
    assert await first.read() == b"first file"
    edited = await sent.edit(attachments=[sent.attachments[0]])
    assert [a.filename for a in edited.attachments] == ["first.txt"]


async def edit_and_delete(ping: Bot, pong: Bot) -> None:
    _, message = await brings(pong, "message", ping.hall.send("before"), lambda m: m.content == "before")
    mine = await ping.hall.fetch_message(message.id)
    _, (before, after) = await brings(pong, "message_edit", mine.edit(content="after"), lambda _, m: m.id == mine.id)
    assert (before.content, after.content) == ("before", "after") and after.edited_at is not None
    await brings(pong, "message_delete", mine.delete(), lambda m: m.id == mine.id)
    try:
        await ping.hall.fetch_message(mine.id)
    except discord.NotFound as error:
        assert error.code == 10008
    else:
        raise AssertionError("still there")


async def reactions(ping: Bot, pong: Bot) -> None:
    _, message = await brings(pong, "message", ping.hall.send("react"), lambda m: m.content == "react")
    mine = await ping.hall.fetch_message(message.id)
    _, (reaction, user) = await brings(pong, "reaction_add", mine.add_reaction("👍"))
    assert reaction.emoji == "👍" and user.id == ping.user.id
    fetched = await pong.hall.fetch_message(message.id)
    assert fetched.reactions[0].count == 1 and not fetched.reactions[0].me
    assert [user.id async for user in fetched.reactions[0].users()] == [ping.user.id]
    await brings(pong, "reaction_remove", mine.remove_reaction("👍", ping.user))
    await mine.add_reaction("🎉")
    await brings(pong, "raw_reaction_clear_emoji", mine.clear_reaction("🎉"))
    await mine.add_reaction("🎉")
    await brings(pong, "reaction_clear", mine.clear_reactions())


async def history(ping: Bot, pong: Bot) -> None:
    channel = await ping.home.create_text_channel("pages")
    ids = [(await channel.send(f"line {i}")).id for i in range(120)]
    assert [m.id async for m in channel.history(limit=None)] == ids[::-1]
    assert [m.id async for m in channel.history(limit=None, oldest_first=True)] == ids
    around = [m.id async for m in channel.history(limit=5, around=discord.Object(ids[12]))]
    assert sorted(around) == ids[10:15], around
    after = [m.id async for m in channel.history(limit=None, after=discord.Object(ids[100]))]
    assert after == ids[101:]
    await channel.delete()


async def typing_and_presence(ping: Bot, pong: Bot) -> None:
    async def type_once() -> None:
        async with ping.hall.typing():
            pass

    _, (channel, user, _) = await brings(pong, "typing", type_once(), lambda channel, user, when: channel.id == CHANNEL)
    assert channel.id == CHANNEL and user.id == ping.user.id
    changing = ping.change_presence(status=discord.Status.dnd, activity=discord.Game("chess"))
    accept = lambda before, after: after.id == ping.user.id and after.status is discord.Status.dnd
    _, (_, after) = await brings(pong, "presence_update", changing, accept)
    assert after.activity is not None and after.activity.name == "chess"


async def roles_channels_permissions(ping: Bot, pong: Bot) -> None:
    mine, theirs = ping.home, pong.home
    role, _ = await brings(pong, "guild_role_create", mine.create_role(name="muted", colour=discord.Colour.red()))
    # Overwrites go as numbers, ids as well as bits.
    overwrites = {role: discord.PermissionOverwrite(send_messages=False)}
    creating = mine.create_text_channel("quiet", topic="hush", overwrites=overwrites)
    channel, seen = await brings(pong, "guild_channel_create", creating, lambda c: c.name == "quiet")
    person = await mine.fetch_member(PERSON)
    giving = person.add_roles(role, reason="a reason")
    _, (_, seen_person) = await brings(pong, "member_update", giving, lambda _, m: m.id == PERSON)
    assert role.id in [r.id for r in seen_person.roles]
    permissions = seen.permissions_for(seen_person)
    assert not permissions.send_messages and permissions.view_channel
    louder = channel.edit(topic="louder", slowmode_delay=5)
    _, (_, changed) = await brings(pong, "guild_channel_update", louder, lambda before, after: after.id == channel.id)
    assert changed.topic == "louder" and changed.slowmode_delay == 5
    await brings(pong, "guild_channel_update", channel.set_permissions(role, overwrite=None))
    assert seen.permissions_for(seen_person).send_messages
    await brings(pong, "guild_role_update", role.edit(hoist=True, permissions=discord.Permissions(kick_members=True)))
    category = await mine.create_category("rooms")
    moving = channel.edit(category=category, sync_permissions=True)
    await brings(pong, "guild_channel_update", moving, lambda before, after: after.category_id == category.id)
    assert theirs.get_channel(channel.id).category_id == category.id
    until = discord.utils.utcnow() + discord.utils.datetime.timedelta(minutes=5)
    _, (_, silenced) = await brings(pong, "member_update", person.timeout(until), lambda _, m: m.is_timed_out())
    assert silenced.is_timed_out() and not seen.permissions_for(silenced).send_messages
    await person.edit(timed_out_until=None, nick="Nick")
    await person.remove_roles(role)
    await brings(pong, "guild_channel_delete", channel.delete(), lambda c: c.id == channel.id)
    await category.delete()
    await brings(pong, "guild_role_delete", role.delete())


async def kick_and_ban(ping: Bot, pong: Bot) -> None:
    guild = ping.home
    person = await guild.fetch_member(PERSON)
    await brings(pong, "member_remove", person.kick(reason="warned"), lambda m: m.id == PERSON)
    joining = as_owner("PUT", f"/guilds/{GUILD}/members/{PERSON}", {})
    await brings(pong, "member_join", joining, lambda m: m.id == PERSON)
    await brings(pong, "member_ban", guild.ban(discord.Object(PERSON), reason="enough", delete_message_seconds=3600))
    assert (await guild.fetch_ban(discord.Object(PERSON))).reason == "enough"
    assert [entry.user.id async for entry in guild.bans(limit=None)] == [PERSON]
    await brings(pong, "member_unban", guild.unban(discord.Object(PERSON)))
    entries = [entry.action async for entry in guild.audit_logs(limit=2)]
    assert entries == [discord.AuditLogAction.unban, discord.AuditLogAction.ban], entries


async def bulk_delete(ping: Bot, pong: Bot) -> None:
    messages = [await ping.hall.send(f"bulk {i}") for i in range(5)]
    await brings(pong, "raw_bulk_message_delete", ping.hall.delete_messages(messages))
    await ping.hall.send("purged")
    assert len(await ping.hall.purge(limit=1)) == 1


async def pins(ping: Bot, pong: Bot) -> None:
    message = await ping.hall.send("pin me")
    await brings(pong, "guild_channel_pins_update", message.pin())
    pinned = [m.id async for m in ping.hall.pins()]
    assert pinned == [message.id], pinned
    await message.unpin()


async def private_messages(ping: Bot, pong: Bot) -> None:
    _, message = await brings(pong, "message", ping.get_user(pong.user.id).send("psst"), lambda m: m.content == "psst")
    assert isinstance(message.channel, discord.DMChannel)
    await brings(ping, "message", message.channel.send("what?"), lambda m: m.content == "what?")
    assert [m.content async for m in message.channel.history()] == ["what?", "psst"]


async def webhooks(ping: Bot, pong: Bot) -> None:
    hook = await ping.hall.create_webhook(name="Herald")
    sending = hook.send("hear ye", username="Crier", wait=True)
    sent, heard = await brings(pong, "message", sending, lambda m: m.content == "hear ye")
    assert heard.webhook_id == hook.id and heard.author.name == "Crier"
    await sent.edit(content="hear ye all")
    await sent.delete()
    await hook.delete()


async def invites(ping: Bot, pong: Bot) -> None:
    invite, _ = await brings(pong, "invite_create", ping.hall.create_invite(max_age=60))
    assert (await ping.fetch_invite(invite.code)).guild.id == GUILD
    await brings(pong, "invite_delete", invite.delete())


async def slash_command(ping: Bot, pong: Bot) -> None:
    @ping.tree.command(name="roll", description="Rolls dice")
    async def roll(interaction: discord.Interaction, sides: int) -> None:
        await interaction.response.send_message(f"rolled a d{sides}")

    [command] = await ping.tree.sync()
    options = [{"type": 4, "name": "sides", "value": 6}]
    invocation = {
        "type": 2,
        "application_id": str(ping.application_id),
        "guild_id": str(GUILD),
        "channel_id": str(CHANNEL),
        "data": {"id": str(command.id), "name": "roll", "type": 1, "options": options},
    }
    invoking = as_owner("POST", "/interactions", invocation)
    await brings(pong, "message", invoking, lambda m: m.content == "rolled a d6")


async def voice_state(ping: Bot, pong: Bot) -> None:
    changing = ping.home.change_voice_state(channel=discord.Object(VOICE), self_mute=True)
    entered = lambda member, before, after: after.channel is not None
    _, (member, _, after) = await brings(pong, "voice_state_update", changing, entered)
    assert member.id == ping.user.id and after.channel.id == VOICE and after.self_mute
    await brings(pong, "voice_state_update", ping.home.change_voice_state(channel=None))


async def resume(ping: Bot, pong: Bot) -> None:
    pong.resumed.clear()
    session = pong.ws.session_id
    # Cuts the TCP connection under the library, as a network does.
    pong.ws.socket._writer.transport.abort()
    for i in range(MEANWHILE):
        await ping.hall.send(f"meanwhile {i}")
    await asyncio.wait_for(pong.resumed.wait(), DEADLINE_S * 2)
    assert pong.ws.session_id == session
    lines = lambda: [content for content in pong.heard if content.startswith("meanwhile ")]
    while len(lines()) < MEANWHILE:
        await pong.hear("message")
    assert lines() == [f"meanwhile {i}" for i in range(MEANWHILE)]


STEPS = [
    knows_the_guild,
    members,
    two_bots_talk,
    embed_and_files,
    edit_and_delete,
    reactions,
    history,
    typing_and_presence,
    roles_channels_permissions,
    bulk_delete,
    pins,
    private_messages,
    webhooks,
    invites,
    slash_command,
    voice_state,
    resume,
    kick_and_ban,
]


async def main() -> None:
    bots = [Bot(), Bot()]
    running = [
        asyncio.ensure_future(bot.start(os.environ[name])) for bot, name in zip(bots, ["PING_TOKEN", "PONG_TOKEN"])
    ]
    for bot, task in zip(bots, running):
        ready = asyncio.ensure_future(bot.wait_until_ready() if bot.is_ready() else bot.hear("ready"))
        await asyncio.wait([ready, task], return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
    for step in STEPS:
        error = None
        try:
            await step(*bots)
        except Exception:
            error = traceback.format_exc()
        print(json.dumps({"step": step.__name__.replace("_", " "), "error": error}), flush=True)
    for bot in bots:
        await bot.close()
    await asyncio.gather(*running)


if __name__ == "__main__":
    print(json.dumps({"version": discord.__version__, "python": sys.version.split()[0]}), flush=True)
    asyncio.run(main())
