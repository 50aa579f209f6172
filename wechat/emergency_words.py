"""The words that mean danger, as patterns over folded text: reviewed data, tested both ways.

Chinese patterns meet text without spaces, English ones stand between word ends.
"""

from typing import Final

CHINESE: Final = (
    # a plea
    r"救命(?!稻草|恩人|的?药|钱|之恩)", r"救救(?!急)", r"救我(?!的?(?:猫|狗|手机|电脑))", r"我(?:现在)?(?:有|很|处境)危险", r"快来人", r"来人啊", r"紧急求助", r"sos",
    # arms
    r"(?<!没)有(?:一?把)?(?:菜|砍|水果|匕首)?刀(?!削|具|片|鱼|刃|架|店|工|法|叉|卖)", r"匕首",
    r"(?:拿|持|带|掏|举|挥|提|握|抽|亮)(?:着|出|了|起)*(?:一?把)?(?:菜|砍|水果|尖|长|大|小)?刀(?!削|具|片|鱼|叉|架|刃)",
    r"(?:动|用)刀(?!叉|片|具|削|法|工)", r"刀架在", r"(?<!没)有(?:一?把)?枪(?!战|手|械展|声音|声效)",
    r"(?:拿|持|带|掏|举|开)(?:着|出|了|起)*(?:一?把)?枪(?!战|手|版)", r"枪声(?!音|效)", r"枪击", r"藏(?:着|了|有)?(?:一?把)?刀(?!具|片)", r"炸弹", r"炸药", r"手榴弹",
    # violence
    r"杀人(?!游戏|蜂|鲸|案件?片|电影)", r"杀(?:我|了我|死|害|了他|了她)", r"要杀", r"谋杀", r"出人命", r"(?<!得)我要死了",
    r"砍(?:人|我|他|她|伤|死)",
    r"捅(?:人|我|他|她|伤|死|了(?!马蜂窝|娄子|篓子))", r"被(?:人|他|她)?(?:捅|砍|刺|掐|勒)(?!价|头|掉|了?树|光|断的?树|激|耳|鼻|眼|骨|索)", r"刺伤",
    r"打死(?!结|也|我也|他也|了?[一两几]?只|了?[一两几]?条|蟑螂|蚊)", r"往死里打", r"打(?:伤|残|晕)",
    r"被(?:人|他|她|老公|丈夫|男友|男朋友|爸爸?|妈妈?|同学|邻居)?打(?!扰|断|开|湿|折|包|印|扮|乱|车|翻|磨|造|动|破|击|烂|扫|来|电话|了个?电话)",
    r"打我(?!们?的?(?:电话|手机|微信|座机|号码|小报告))", r"(?:在|正在|正|又)打(?:人|架|老婆|孩子|老人|女人|她)",
    r"(?<![狗猫鸡鸟])打架(?!子鼓)", r"打人了", r"(?:他|她|们|有人|老公|丈夫|男人)打(?:人(?!民)|我(?!们?的?(?:电话|手机|微信|座机|号码|小报告))|老婆|老人|女人)",
    r"斗殴", r"群殴", r"互殴", r"殴打", r"打起来", r"打群架", r"家暴", r"家庭暴力", r"虐待(?!动物|猫|狗)",
    r"掐(?:我|他|她|脖子)", r"泼(?:硫酸|汽油)", r"绑架", r"被(?:人|他|她)?绑(?!定|卡|扎|票价)", r"被拐(?!弯|杖)", r"劫匪", r"歹徒", r"劫持", r"人质", r"拐(?:走|卖)(?:了)?(?:孩子|小孩|儿童|我|人口)?",
    r"抢劫", r"抢(?:走|了我|我的?(?:包|钱|手机|孩子|东西))", r"(?<!车位)(?<!座位)(?<!名额)被抢(?!单|光|购|修|答|注|先|占|了?车位)",
    r"强奸", r"强暴", r"性侵", r"性骚扰", r"猥亵", r"非礼", r"迷奸", r"下药",
    r"跟踪我", r"尾随", r"有人(?:一直|在)?跟着我", r"威胁(?:我|要|杀|他|她)", r"恐怖袭击", r"恐袭",
    r"有人(?:在|正|正在)?(?:撬|砸|踹|闯)", r"撬(?:我家?的?)?(?:门|锁|窗)", r"(?:闯|冲)进(?:来|我家|屋|家里)", r"破门", r"入室",
    r"进(?:了)?(?:贼|小偷)", r"(?:贼|小偷)(?:还|正)?在(?:我|家|屋|房|楼|里)",
    # self-harm
    r"自杀(?!式(?!袭击))", r"轻生", r"自残", r"自焚", r"割(?:腕|脉)", r"(?:吃|吞|服)了?(?:很多|好多|大量|过量|[一整半]瓶|一把|几十[片粒颗]|[0-9]{2,}[片粒颗])的?(?:安眠)?药", r"不想活", r"活不下去", r"(?<!好)(?<!真)想死(?!你|我了|他了|她了)", r"寻短见",
    r"跳楼(?!价|机|大?甩卖|清仓)", r"跳(?:河|江|桥|轨)", r"(?:要|想|准备)跳下", r"喝农药", r"吞(?:了)?安眠药",
    # fire, water, gas, bodies
    r"(?<!打)(?<!没)着火(?!锅|堆|车|炉|把)", r"(?<!一)起火(?!锅|车)", r"失火", r"火灾", r"大火(?!锅|车)", r"冒(?:浓|黑|大)烟", r"[放纵]火(?!锅)",
    r"烧起来", r"(?:房子|屋子?|楼|厨房|家里|仓库)(?:被)?烧了",
    r"爆炸(?!头|性|式|糖|的?音)", r"爆燃", r"(?:煤气|燃气|天然气|液化气|瓦斯)(?:在|罐|管道?)?(?:泄漏|泄露|漏)", r"(?:煤气|燃气|天然气)的?味", r"煤气中毒",
    r"溺水", r"落水(?!管|洞|口)", r"掉(?:进|到|下)(?:了)?(?:河|水|江|湖|井|池塘)", r"坠(?:楼|河|江|井)", r"触电", r"(?<!电脑)(?<!手机)(?<!系统)中毒",
    r"(?:大|在|一直|满头|满身|全身)(?:出|流|是)血(?!管|型)", r"流血", r"[晕昏]倒", r"[晕昏]过去", r"昏迷", r"(?:人|他|她|大爷|大妈|奶奶|爷爷|孩)[^，。]{0,3}倒(?:地|在地|在路|下了)", r"(?:没有|没了|停止)呼吸",
    r"没呼吸", r"喘不(?:过|上)气", r"心脏骤停", r"心脏病(?:发|犯)", r"心梗", r"快(?:要)?(?:死了|不行了)(?!机)", r"被困(?!难|扰|惑)", r"困在",
    r"车祸", r"撞(?:了|到|倒|死|伤)(?:了)?人", r"被车撞", r"被撞[倒飞伤]", r"肇事逃逸", r"塌了", r"坍塌",
    # locked in, carried off, touched
    r"(?:被|把我)(?:人|他|她)?(?:反)?(?:关|锁)在(?!门外|外面)", r"(?:孩子|小孩|女儿|儿子|宝宝)[^，。]{0,6}抱走", r"(?:强行|硬)(?:拉|拽|拖|带)(?:走)?(?:我|她|他|孩子)", r"(?:骗|困)(?:进|在)(?:了)?传销",
    r"(?:男|老头|人|他)[^，。]{0,2}摸(?:我(?!们?的?(?:狗|猫|车))|她|孩子)", r"翻窗(?:进|入)", r"爬窗(?:进|入)", r"同归于尽", r"弄死(?:我|他|她|你|人)", r"砸(?:人|我的?头|他的?头|她的?头|伤)",
    r"勒(?:我|他|她|住)?(?:的)?脖子", r"开车撞(?:人|我|他|她)",
    # life in danger, said in other words
    r"不省人事", r"浓烟", r"流了?(?:很多|好多|一地)(?:的)?血", r"(?:吃|喝|吞|服)了?(?:老鼠药|毒药|鼠药|百草枯|敌敌畏)", r"(?:楼顶|天台|阳台|桥上|窗户)(?:上)?(?:要|想|准备)?(?:往下)?跳(?:下|楼)?(?!舞|绳|广场|操)",
    r"从(?:楼|[0-9一二三四五六七八九十]+楼|窗|阳台|高处)(?:上|口|户)?(?:掉|摔|坠)(?:了)?下", r"(?:电池|电瓶|煤气罐|锅炉|变压器)(?:爆)?炸了", r"被(?:活)?埋", r"(?:卡|噎)(?:住|着)(?:了)?(?:喉咙|嗓子|气管|脖子)",
    r"结束(?:自己的?|我的?)?生命", r"被电(?:到|击|倒)", r"手被[^，。]{0,4}(?:卡|绞|夹)住",
    # the number itself, not the bus
    r"(?:打|拨|拨打|叫|call)(?:了)?(?:一下)?110(?![0-9路])",
)  # fmt: skip

ENGLISH: Final = (
    r"(?:some(?:one|body)|please|plz|pls|god|omg)[\s,!]+help(?! (?:me |us )?(?:with|to|find|you|report|locate|get|understand))",
    r"help[\s,!]+(?:me|us)(?=[\s!.,]*(?:$|please|now|quick|hurry|he|she|they|i'?m|someone|somebody|fast))",
    r"help[!,.]+ ?(?:someone|somebody|he|she|they|there|i'?m|my)", r"help[\s,!]+help", r"save (?:me|us)\b(?! (?:time|money|a|some))", r"sos", r"mayday",
    r"emergency(?! (?:exit|number|contact|room|lane|light|lights|brake|landing|kit))",
    r"(?:has|have|had|got|with|holding|pulled|pulls|carrying|waving|drew|brought) (?:out )?(?:a |an |the |his |her |some )?"
    r"(?:(?!toy|water|nerf|glue|butter|bread|heat|staple|no\b)[a-z]+ )?(?:knife|knives|gun|guns|pistol|rifle|machete|axe|hatchet|weapon|bomb|sword)"
    r"(?! (?:sharpener|shop|store|set|block|rack))",
    r"(?:there(?:'?s| is| are)|saw|see|heard) (?:a |an |two |some )?(?:guns?|knife|knives|gunman)(?! (?:sharpener|shop|store|set|block|rack))",
    r"at (?:knife|gun)point", r"gunshots?", r"gunfire", r"shots? fired", r"active shooter", r"shot (?:me|him|her|at|someone|somebody)",
    r"shooting(?! (?:a |an |some |the )?(?:video|videos|film|movie|photos?|star|stars|pictures?|range|hoops))", r"bomb(?! squad game)", r"grenade",
    r"(?<!noise is )(?<!music is )(?<!it is )(?<!it's )(?<!this is )kill(?:ing|ed|s)?(?! (?:by (?:the |this )?(?:noise|music)|time|two birds|the (?:noise|music|mood|lights)|it\b|some time|bugs|cockroach))", r"murder(?:ed|ing|er|s)?",
    r"stab(?:bed|bing|s)?", r"beat(?:s|ing)? (?:me|him|her|them|us|up|my|his|someone|somebody|a (?:man|woman|child|kid))",
    r"hit(?:ting|s)? (?:me|him|her|my (?:mother|mum|mom|child|kid|son|daughter|wife|face))", r"(?:wants?|going|trying|tried) to (?:hurt|shoot|hit|choke|burn) (?:me|us|him|her|my|someone|somebody|people)",
    r"hurting (?:me|us|him|her|my (?:mother|mum|mom|child|kid|son|daughter|wife))", r"(?:got|was|been|is) shot(?! of)", r"punch(?:ed|ing|es)? (?:me|him|her)",
    r"attack(?:ed|ing|s)? (?:me|us|him|her|people|someone|somebody|by)", r"(?:being|was|getting|got|under) attack(?:ed)?",
    r"assault(?:ed|ing|s)?", r"chok(?:ed|ing) (?:me|him|her)", r"strangl(?:ed|ing|es)", r"fighting(?! (?:game|fish|games|fit))",
    r"rap(?:e|ed|ing|ist)", r"molest(?:ed|ing|s)?", r"grop(?:ed|ing)", r"kidnap(?:ped|ping|per|s)?", r"abduct(?:ed|ion|ing)", r"hostages?",
    r"robb(?:ed|ing|ery|er)", r"mugg(?:ed|ing|er)", r"snatched my", r"(?:is|are|was|been|keeps|someone) following me", r"stalk(?:ed|ing|er)",
    r"threat(?:en(?:ed|ing|s)?|s) (?:me|us|him|her|to|with)", r"domestic violence", r"intruder", r"terrorist", r"acid attack",
    r"break(?:ing|s)? in(?:to)? (?:my|our|the|a)", r"(?:trying|tries|tried) to break in", r"breaking in(?! (?:the |my )?(?:new |shoes))", r"broke(?:n)? into my (?:house|home|flat|room) (?:now|and)", r"someone(?: is|'s)? in my (?:house|home|flat|room)",
    r"suicid(?:e|al)", r"kill (?:my|him|her|your)self", r"end my life", r"want to die", r"self[- ]?harm", r"going to jump", r"overdos(?:e|ed)", r"took (?:too many|all (?:the |my )|a lot of|a bottle of)\s?(?:[a-z]+ )?pills",
    r"(?:on|a|big|house|kitchen|car|building|the) fire\b(?! (?:station|drill|drills|hydrant|exit|escape|door|extinguisher|lane|truck|engine|department|sale|alarm|pit))",
    r"(?:is|it's|its|house|building|kitchen) burning", r"flames", r"thick smoke", r"(?:full of|filled with) smoke", r"smoke (?:is )?coming", r"explosion", r"explod(?:ed|ing|es)", r"gas leak(?:ing)?", r"leaking gas", r"smell(?:s|ing)?(?: of| like)? gas", r"gas smell",
    r"drown(?:ed|ing|s)?", r"fell into the (?:river|lake|water|canal)", r"bleeding", r"unconscious", r"(?:not|stopped|can'?t|cannot) breath(?:e|ing)",
    r"heart attack", r"collapsed", r"is dying", r"i'?m dying(?! to)", r"car (?:crash|accident)", r"hit and run", r"trapped", r"electrocuted", r"poisoned",
    r"(?:won'?t|will not|doesn'?t) let me (?:leave|go|out)(?! (?:a |my )?(?:review|comment|of the contract))", r"locked (?:me|us|her|him) (?:in(?! the chat)|up)", r"(?:grab|drag|take|took|taking|snatch)(?:bed|ged|bing|ging|ed|ing)? (?:my|a|the) (?:daughter|son|child|kid|baby|girl|boy)\b(?! (?:to|'s|s|home))",
    r"(?:he|she|man|woman|baby|child|son|daughter|grandma|grandpa|and)(?: is|'s)? (?:not|isn'?t) (?:moving(?! out| house)|waking up|responding)", r"climb(?:ed|ing)? (?:in )?through (?:my|our|the) window",
    r"pushed (?:me|him|her) (?:down|off|onto)", r"(?:knife|gun) to (?:my|his|her) (?:throat|head|neck)", r"blood everywhere", r"(?:is|i'?m|am) choking", r"jump(?:ed|ing|s)? (?:off|from) (?:the|a) (?:bridge|roof|building|balcony)",
    r"(?:he|man|someone|guy) touched (?:me|her|my)", r"people (?:are )?screaming", r"don'?t want to live(?! (?:here|there|next|in|near|with))", r"swallow(?:ed|ing)? (?:poison|pills|pesticide)",
    r"call(?: the)? 110(?![0-9])", r"in danger",
)  # fmt: skip

# Nothing but this: inside a sentence these are everyday words ("can you help me find my bag", bus 110).
ALONE: Final = (
    r"(?:please |pls |plz )?(?:help|fire|danger|sos|911|999|110|119|120|police|knife|gun)(?: me| us)?(?: please| now)?"
    r"|(?:快)?(?:报警救命|危险|有危险|着火了?|火警|急救|救人|报警救我|帮帮我|帮我报警|地震了?|心脏病)|快报警"
)

# Clauses with one of these tell of play, news or noise: no combination rings in them, single phrases still do.
CALM: Final = r"电影|电视|游戏|新闻|小说|广告|表演|比赛|梦|打折|打车|杀价|舞|movie|film|game|news|novel|dream|sale|music|song|toy|noise"

# Within a clause, in this order and at most a few characters apart (gaps are bounded: time stays linear).
COMBINED: Final = (
    r"(?:有人|男的|男人|女人|疯子|老公|丈夫|前夫|他|她).{0,8}(?:往下跳|乱砍|推倒|拳打|脚踢|踢(?:我|人|他|她)|揍(?:我|人|他|她)|抢(?:小孩|孩子)|杀了)",
    r"(?:拿|持|举|挥)(?:着)?.{0,4}(?:棍|棒|砖|斧|锤|酒瓶|铁).{0,4}(?:追|打(?:我|人|他|她)|砸(?:我|人|他|她)|威胁)",
    r"(?:我爸|我妈|老人|孩子|小孩|爷爷|奶奶|有人|他|她).{0,6}(?:抽搐|口吐白沫|晕倒|休克|不见了.{0,3}河|往井里掉)",
    r"(?:楼顶|天台|窗台|桥|阳台).{0,4}(?:有人|男的|女的|女孩|男孩|孩子).{0,4}(?:要跳|往下跳|掉下)",
    r"\b(?:someone|somebody|man|men|woman|guy|he|she|they|people|husband|father|neighbou?r)\b.{0,16}"
    r"\b(?:hitting|hits|kicking|kicked|dragging|dragged|punching|slapping|slapped|chasing|beating)\b.{0,8}"
    r"\b(?:me|him|her|us|child|kid|boy|girl|woman|man|people|someone|wife|baby)\b",
    r"\b(?:with|waving|holding|swinging) (?:a|an|his|the) (?:bat|blade|hammer|iron bar|crowbar)\b",
    r"\b(?:cut|slit|cutting) (?:her|his|my) wrists?\b",
    r"\b(?:ran|run) over (?:a|an|my|the) (?:cyclist|man|woman|child|kid|boy|girl|pedestrian)\b",
    r"\b(?:chest pain|can't breathe)\b",
    r"(?:逼|强迫|硬灌|被灌).{0,2}(?:我|她|他|孩子)?(?:喝|吃|脱)",
    r"(?:房顶|天花板|墙|脚手架|吊车).{0,4}(?:压|砸)(?:到|住|倒|着).{0,2}(?:人|我|他|她|孩子|工人)",
    r"\b(?:i was|she was|he was|been|got) drugged\b",
    r"\bburn (?:the|my|our|her|his) (?:house|home|flat|building|shop)\b",
    r"\bhear (?:screams|screaming|a woman screaming|a child screaming)\b",
)  # fmt: skip
