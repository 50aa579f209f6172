"""What the account says in the chat, Chinese and English. Nothing of a report is repeated back but its number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Line:
    """One thing to say in both languages; `{fields}` are filled by `say`."""

    zh: str
    en: str

    def say(self, language: str, **facts: object) -> str:
        """This line in `zh` or `en`."""
        return (self.en if language == "en" else self.zh).format_map(facts)


CALL_110: Final = Line(
    '如有人身危险，请立即拨打110：<a href="tel:110">点此拨打110</a>。不便说话可发短信至12110。',
    'If anyone is in danger call 110 now: <a href="tel:110">tap to call 110</a>. If you cannot speak, text 12110.',
)
ALSO_SENT: Final = Line(
    "同时已向派出所发出消息（编号 {number}），请不要等待回复，先拨打110。能发送位置的话，请发送您的位置。",
    "A message was also sent to the station (number {number}). Do not wait for an answer: call 110 first. "
    "If you can, send your location.",
)
GREETING: Final = Line(
    "您好，这里可以报告非紧急警情。直接写下发生了什么，并发送位置（＋ → 位置），也可以发照片。\n"
    "回复“进度”查看，“取消”撤销，“改”修改，“不方便说话”只用文字联系；for English reply “English”。\n"
    "紧急情况请拨打110，不便说话可发短信至12110。",
    "Hello. Report what is not an emergency here: write what happened and send your location (+ → Location); "
    'photos are welcome.\nReply "status", "cancel" or "change" at any time, "text only" if nobody may call; '
    "中文请回复“中文”。\nIn an emergency call 110; if you cannot speak, text 12110.",
)
IN_LANGUAGE: Final = Line("好的。", "All right, in English. ")
THANKS: Final = Line("不客气。回复“进度”可随时查看。", 'You are welcome. Reply "status" at any time.')
ASK_WORDS: Final = Line(
    "请写下发生了什么（或发语音、照片、视频）。",
    "Please write what happened (or send a voice, photo or video).",
)
ASK_CATEGORY: Final = Line(
    "请回复序号选择类别：\n{choices}", "Please reply with the number of the category:\n{choices}"
)
ASK_CATEGORY_OR_WORDS: Final = Line(
    "请点选类别，或直接写下发生了什么：\n{choices}",
    "Tap what it is about, or write what happened:\n{choices}",
)
TO_THE_DESK_NOW: Final = Line("（现非受理时段，转值班台）", " (not at this hour: goes to the desk)")
ASK_PLACE_OF_ANOTHER: Final = Line(
    "请发送对方所在的位置：点＋ → 位置 → 发送位置，或直接写地点名称。无法发送请回复“没有位置”。",
    "Please send where the other person is: + → Location → Send Location, or write the name of the place. "
    'If you cannot, reply "no location".',
)
ASK_WHICH_PLACE: Final = Line("您是说以下地点吗？\n{choices}", "Do you mean this place?\n{choices}")
NONE_OF_THESE: Final = Line("都不是", "none of these")
ASK_PLACE: Final = Line(
    "请发送事发位置：点＋ → 位置 → 发送位置，或直接写地点名称。无法发送请回复“没有位置”。",
    'Please send the place: + → Location → Send Location, or write its name. If you cannot, reply "no location".',
)
ASK_PLACE_AGAIN: Final = Line(
    "还缺位置：点＋ → 位置 → 发送位置。如仍无法发送，请直接写下地点，我们将转值班台与您确认。",
    "The place is still missing: + → Location → Send Location. If it does not work, write where it is and the desk "
    "will ask you.",
)
ASK_RISK: Final = Line(
    "走失者是否未满14岁、65岁以上、残障、可能自伤或疑被拐？是请回复“1”，否请回复“2”。这类情况请同时拨打110。",
    "Is the missing person under 14, 65 or older, disabled, at risk of self-harm or possibly abducted? "
    'Reply "1" for yes, "2" for no. If so, also call 110.',
)
YES: Final = Line("是", "yes")
NO: Final = Line("否", "no")
COMMANDS: Final = Line("进度|改|取消", "status|change|cancel")
OPENED: Final = Line(
    "已收到，编号 {number}。正在通知附近民警，{seconds}秒内无人接手将转{station}值班台（电话 {phone}）。\n"
    "会面码 {meet_code}（见到民警时核对）。照片和补充可继续发来；回复“进度”“改”“取消”均可。",
    "Received, number {number}. Officers nearby are being asked; if none takes it within {seconds} s, the desk of "
    "{station} (phone {phone}) has it.\nMeet code {meet_code}: compare it when you meet. Send photos or more words any "
    'time; reply "status", "change" or "cancel".',
)
OPENED_AT_DESK: Final = Line(
    "已收到，编号 {number}。{why}，已直接转{station}值班台（电话 {phone}），值班人员会与您联系。\n"
    "照片和补充可继续发来；回复“进度”“改”“取消”均可。",
    "Received, number {number}. {why}, so it went straight to the desk of {station} (phone {phone}), who will contact "
    'you.\nSend photos or more words any time; reply "status", "change" or "cancel".',
)
OPENED_ALARMED: Final = Line(
    "已收到，编号 {number}。已向{station}值班台（电话 {phone}）发出警示，同时正在询问辖区内所有可派民警；"
    "{seconds}秒内无人接手则由值班台处理。\n"
    "会面码 {meet_code}（见到民警时核对）。照片和补充可继续发来；回复“进度”“改”“取消”均可。",
    "Received, number {number}. The desk of {station} (phone {phone}) has been alerted, and every officer available in "
    "the area is being asked; if none takes it within {seconds} s, the desk handles it.\n"
    "Meet code {meet_code}: compare it when you meet. Send photos or more words any time; "
    'reply "status", "change" or "cancel".',
)
OPENED_QUIET: Final = Line(
    "已收到（{number}）。只用文字联系，不会打电话。回复“进度”查看。",
    'Received ({number}). In writing only; nobody will call. Reply "status" to see more.',
)
STOP_PAYMENT: Final = Line(
    '如刚刚转账，请先拨打反诈专线96110止付：<a href="tel:96110">点此拨打96110</a>。',
    'If you have just transferred money, first call 96110 to stop the payment: <a href="tel:96110">tap to call 96110</a>.',
)
WHY: Final = {
    "out_of_hours": Line("现在不在该类别的受理时段", "This kind is not broadcast at this hour"),
    "no_place": Line("没有位置", "There is no place yet"),
    "no_scene": Line("该类别无需到场", "This kind needs nobody to come at once"),
    "nobody_reachable": Line("附近暂无可派民警", "No officer near can be reached"),
    "urgent": Line("该情况已标为紧急", "This is marked urgent"),
    "flood": Line("您近期报告较多", "You have reported several times lately"),
    "forwarded": Line(
        "该位置在各派出所辖区之外",
        "The place is outside the area of every station here",
    ),
}
WHY_DESK: Final = Line("需由值班台处理", "The desk handles it")
NEED_110: Final = Line("情况紧急请同时拨打110。", "If it is urgent, also call 110.")
ATTACHED: Final = Line("已附到 {number}。", "Attached to {number}.")
ATTACH_FULL: Final = Line(
    "{number} 已收到过这个文件，或文件已满20个。", "{number} has this file already, or 20 files."
)
MEDIA_LOST: Final = Line(
    "有{n}个文件没有收到（每个最大20MB），请再发一次。",
    "{n} files did not arrive (20 MB each at most): please send them again.",
)
PHOTO_NOT_KEPT: Final = Line(
    "这个文件没有收到，请再发一次或用文字说明。紧急情况请拨打110。",
    "This file did not arrive: please send it again, or write what it shows. In an emergency call 110.",
)
ADDED: Final = Line(
    "已补充到 {number}。如果是另一件事，请回复“新报警”。",
    'Added to {number}. If this is another matter, reply "new".',
)
SAME_OR_NEW: Final = Line(
    "您有进行中的 {number}。这是它的补充请回复“1”，另一件事请回复“2”。\n{choices}",
    'You have {number} under way. Reply "1" if this belongs to it, "2" if it is another matter.\n{choices}',
)
SAME: Final = Line("是它的补充", "it belongs to it")
ANOTHER_MATTER: Final = Line("另一件事", "another matter")
WORDS_CUT: Final = Line(
    "一件报警最多记{most}字，最后的{n}字没有记下；案件受理后还可以继续补充。",
    "A report holds {most} characters; the last {n} were not noted. You can add more once the case is open.",
)
OLDEST_WENT: Final = Line(
    "一件警情最多保留{most}字，最早的{n}字已移去；重要的请再说一遍。",
    "A case holds {most} characters; the oldest {n} are gone. Please repeat what matters.",
)
MEETING_ADDED: Final = Line(
    "地点已补充到 {number}，民警和值班台可见。也可以发送位置。",
    "The place is added to {number}, for the officer and the desk to read. You can also send a location.",
)
MOVED: Final = Line(
    "{number} 的位置已更新。如果是另一件事，请先回复“新报警”。",
    'The place of {number} is updated. For another matter reply "new" first.',
)
NEW_REPORT: Final = Line("好的，新的报告。", "All right, a new report.")
CHANGE_DRAFT: Final = Line(
    "好的，请重新写。已有的位置和照片保留，发送新位置即更换；全部作废请回复“取消”。",
    'All right, anew. The place and the photos are kept, a new location replaces the place; to drop it all reply "cancel". ',
)
DRAFT_RESUMED: Final = Line(
    "接着您{ago}前没写完的报告（重新开始请回复“新报警”）。",
    'This goes on with the report you began {ago} ago (to start anew reply "new").',
)
DRAFT_EXPIRED: Final = Line(
    "您之前没写完的报告已超过{days}天，没有上报，已清除。",
    "The report you began more than {days} days ago was not sent; it has been erased.",
)
FLAG_NOTED: Final = {
    "text_only": Line(
        "好的，只用文字联系，不会打电话。可以直接点：",
        "All right, in writing only; nobody will call. You can tap:",
    ),
    "large_print": Line(
        "好的，会告诉民警用大字书写。", "All right, the officer will know to write in large letters."
    ),
    "child": Line("好的，会告诉民警。慢慢说，不着急。", "All right, the officer will know. Take your time."),
    "for_another": Line(
        "好的，替别人报告。请写清对方的情况，位置请发对方所在的地方。",
        "All right, for another person. Write what is the matter with them, and send the place where they are.",
    ),
}
NEEDS: Final = Line("请点选，民警到达前就会知道：", "Tap what the officer should know before arriving:")
NEEDS_CHOICES: Final = Line(
    "不方便说话|大字|我是小孩|替别人报警|投诉民警",
    "text only|large print|I am a child|for someone else|police complaint",
)
SILENT_12110: Final = Line("也可以发短信至12110。", "You can also text 12110.")
PRESETS: Final = (
    Line("不方便说话", "I cannot talk"),
    Line("有人在门外", "Someone is outside the door"),
    Line("对方就在旁边", "They are right beside me"),
    Line("我在房间里", "I am in the room"),
    Line("有孩子在场", "A child is here"),
    Line("请不要开警灯警笛", "No lights or sirens please"),
    Line("请尽快过来", "Please come soon"),
)
"""Short phrases to tap in silent mode."""
CHANGE_CASE: Final = Line(
    "{number}：发送新位置即更新位置，直接写文字即作补充，发照片即附上；撤销请回复“取消”。",
    '{number}: send a location to update the place, write to add words, send photos to attach them; reply "cancel" to '
    "withdraw it.",
)
SEND_PLACE: Final = Line(
    "请发送新的位置：点＋ → 位置 → 发送位置。", "Please send the new place: + → Location → Send Location."
)
STILL_OPEN: Final = Line(
    "{number} 仍在进行中；要撤销它，请再回复“取消”。",
    '{number} goes on; to withdraw that one reply "cancel" once more.',
)
DRAFT_DROPPED: Final = Line("已取消，没有上报。", "Cancelled; nothing was reported.")
CANCELLED: Final = Line("{number} 已取消。", "{number} is cancelled.")
CANCEL_NOTED: Final = Line(
    "已收到，{number} 的取消请求已记下。", "Received; the wish to cancel {number} is noted."
)
WHICH_CANCEL: Final = Line(
    "您有多件进行中：{numbers}。请回复“取消”加编号。",
    'You have several under way: {numbers}. Reply "cancel" with the number.',
)
NOTHING_OPEN: Final = Line("您目前没有进行中的报告。", "You have no report under way.")
NOTHING_TO_CHANGE: Final = Line(
    "您目前没有进行中的报告。直接写下发生了什么即可开始。",
    "You have no report under way. Write what happened to start one.",
)
DRAFT_UNDER_WAY: Final = Line("有一份还没写完的报告。", "A report is not finished yet.")
UPDATES: Final = Line("（另有{n}条更新，回复“进度”查看）", '({n} updates meanwhile: reply "status")')
UPDATES_IN_STATUS: Final = Line("期间有{n}条更新：", "{n} updates meanwhile:")
WHY_IN_STATUS: Final = {
    "nobody_reachable": Line("当时没有可派出的民警", "no officer could be asked when it came"),
    "deadline": Line("规定时间内无人接手", "no officer took it in time"),
    "silent": Line("接手民警没有回应", "the officer who had it gave no sign"),
}
"""Why a case that had been asked around is with the desk."""
RATED: Final = Line(
    "谢谢评价。点错了可在{minutes}分钟内回复“评分5”到“评分1”更正，之后不再更改。",
    'Thank you for rating. A slip can be put right within {minutes} minutes: reply "rate 5" to "rate 1". Then it stands.',
)
RATED_BEFORE: Final = Line("您已评价过：{stars}分，谢谢。", "You already rated it {stars}, thank you.")
NOT_RATED: Final = Line("没有可评价的报告，或已评价过。", "There is nothing to rate, or it is rated already.")
REOPENED: Final = Line("{number} 已重新交值班台处理。", "{number} is with the desk again.")
NOT_REOPENED: Final = Line("没有7天内办结的报告。", "No report was closed within 7 days.")
NOT_THIS_KIND: Final = Line(
    "这种内容这里看不了，请用文字、位置或图片说明。紧急情况请拨打110。",
    "This kind cannot be read here: please use text, a location or pictures. In an emergency call 110.",
)
KINDS: Final = {
    "link": Line(
        "链接收到了，但不会打开。请用文字写下发生了什么，网址可以写在文字里。紧急情况请拨打110。",
        "The link arrived; it is not opened. Please write what happened, the address may stand in the text. "
        "In an emergency call 110.",
    ),
    "miniprogrampage": Line(
        "小程序卡片这里打不开。请用文字写下发生了什么，位置请点＋ → 位置发送。紧急情况请拨打110。",
        "A mini-program card cannot be opened here. Please write what happened; send a location by + → Location. "
        "In an emergency call 110.",
    ),
    "file": Line(
        "文件这里收不到。重要内容请拍照或截图发来，或用文字说明；原件请保留。紧急情况请拨打110。",
        "Files do not reach us. Please send a photo or a screenshot of what matters, or write it; keep the original. "
        "In an emergency call 110.",
    ),
}
"""What is said to kinds that are no report; to those not named here `NOT_THIS_KIND`."""
LINK_ADDED: Final = Line("链接已作为文字记下，不会打开。", "The link is noted as text; it is not opened.")
ELSEWHERE: Final = Line(
    '{what}由{who}受理：<a href="tel:{phone}">点此拨打{phone}</a>。\n这里没有上报。如仍需警察处理，请点：',
    '{what} belongs with {who}: <a href="tel:{phone}">tap to call {phone}</a>.\nNothing was reported here. If the police '
    "are needed all the same, tap:",
)
INSIST: Final = Line("仍要报警", "report anyway")
ASK_COMPLAINT: Final = Line(
    '投诉民警可拨打<a href="tel:12389">12389</a>；也可以写在这里，只有督察能看到，派出所看不到。'
    "请写下时间、地点和经过，不想写了请回复“完”。紧急情况请拨打110。",
    'Complaints about police: <a href="tel:12389">12389</a>. You can also write it here: only our auditor reads it, no '
    'station does. Write when, where and what happened; to leave it reply "done". In an emergency call 110.',
)
COMPLAINT_OR_REPORT: Final = Line(
    "这是投诉民警，还是报警？投诉只有督察能看到。\n{choices}",
    "Is this a complaint about police, or a report? A complaint is read by our auditor alone.\n{choices}",
)
IS_COMPLAINT: Final = Line("投诉民警", "a complaint about police")
IS_REPORT: Final = Line("报警", "a report")
COMPLAINT_FILED: Final = Line(
    '投诉已收到，编号 {number}。只有督察能看到，派出所看不到；也可拨打<a href="tel:12389">12389</a>。\n'
    "接着写即作补充，写完请回复“完”；要报警请回复“新报警”。回复“进度”查看。",
    'The complaint is received, number {number}. Only our auditor reads it, no station does; <a href="tel:12389">12389</a> '
    'takes it too.\nWhat you write next is added; reply "done" when that is all, "new" to report a case, "status" to see '
    "how far it is.",
)
COMPLAINT_ADDED: Final = Line(
    "已补充到投诉 {number}。写完请回复“完”；要报警请回复“新报警”。",
    'Added to complaint {number}. Reply "done" when that is all, "new" to report a case.',
)
COMPLAINT_TOO_LONG: Final = Line(
    "这条太长，没有写入：还能写{left}字，这条有{n}字。请改短再发；写完请回复“完”。",
    'This is too long and was not written down: {left} more characters fit, it has {n}. Please send it shorter; reply "done" '
    "when that is all.",
)
COMPLAINT_FULL: Final = Line(
    "这件投诉已写满，这条没有写入。还要写请先回复“完”，再回复“投诉民警”另写一件。",
    'This complaint is full, and this was not written down. To write more reply "done", then "police complaint" for another '
    "one.",
)
COMPLAINT_WORDS_ONLY: Final = Line(
    "投诉这里只收文字，照片和录音请保留，督察会向您索取。写完请回复“完”；要报警请回复“新报警”。",
    'A complaint takes words only here: please keep photos and recordings, the auditor will ask for them. Reply "done" '
    'when that is all, "new" to report a case.',
)
COMPLAINT_DONE: Final = Line(
    "好的，已交督察。回复“进度”查看。",
    'All right, the auditor has it. Reply "status" to see how far it is.',
)
COMPLAINT_LEFT: Final = Line("好的，没有提交投诉。", "All right, no complaint was filed.")
COMPLAINT_STATES: Final = {
    "filed": Line("投诉 {number}：督察尚未查阅。", "Complaint {number}: not read by the auditor yet."),
    "read": Line("投诉 {number}：督察已查阅。", "Complaint {number}: read by the auditor."),
    "answered": Line(
        "投诉 {number}：督察已答复：{answer}", "Complaint {number}: answered by the auditor: {answer}"
    ),
}
PLACE_IN_WORDS: Final = Line("地点：{label}", "Place: {label}")
BUSY: Final = Line(
    "系统繁忙，还在处理您刚才的消息，请稍后回复“进度”查看；没有编号请再发一次。紧急情况请拨打110。",
    'Busy: your message is still being handled. Reply "status" in a while; if there is no number, send it again. '
    "In an emergency call 110.",
)
DOWN: Final = Line(
    "系统暂时无法受理，您刚才的消息没有收到，请稍后再发。紧急情况请拨打110，不便说话可发短信至12110。",
    "We cannot take reports right now, and your message was not received: please send it again in a while. "
    "In an emergency call 110; if you cannot speak, text 12110.",
)
STATES: Final = {
    "open": Line(
        "正在通知附近民警，已{waited}；{left_s}秒内无人接手将转{station}值班台（电话 {phone}）",
        "officers nearby are being asked, for {waited} now; if none takes it within {left_s} s, the desk of {station} "
        "(phone {phone}) has it",
    ),
    "claimed": Line("民警{officer}已接手", "officer{officer}has taken it"),
    "assigned": Line("已指派民警{officer}", "officer{officer}is assigned"),
    "en_route": Line("民警{officer}正在前往", "officer{officer}is on the way"),
    "arrived": Line("民警{officer}已到达", "officer{officer}has arrived"),
    "handed_over": Line("{station}值班台处理中，电话 {phone}", "with the desk of {station}, phone {phone}"),
    "closed": Line(
        "已办结。评价请回复“评分5”到“评分1”，未解决请回复“未解决”",
        'closed. Reply "rate 5" to "rate 1", or "not solved"',
    ),
    "cancelled": Line("已取消", "cancelled"),
    "merged": Line("已与同一事件合并处理", "handled together with others of the same event"),
}
MEET_CODE: Final = Line("会面码 {meet_code}", "meet code {meet_code}")
TRACK: Final = {
    "no_position": Line("暂无位置", "no position yet"),
    "fresh": Line("距您约{distance}米，约{minutes}分钟", "about {distance} m away, about {minutes} min"),
    "old": Line("最后一次定位在{ago}前", "last heard {ago} ago"),
}
AGO: Final = {
    "seconds": Line("{n}秒", "{n} s"),
    "minutes": Line("{n}分钟", "{n} min"),
    "hours": Line("{n}小时", "{n} h"),
    "days": Line("{n}天", "{n} days"),
}
