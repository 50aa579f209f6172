"""Three lists of labelled sentences in both languages, each whole before the gate was asked about any of it."""

# fmt: off
DANGERS = """
公交车上有个男的一直往我身上蹭还不让我走|我家楼上那户两口子摔东西，女的哭着喊别打了|有个人拿着西瓜刀在菜场门口晃悠|他把刀放我脖子上|一个戴帽子的跟着我从学校走到小区|我姐夫把我姐打进医院了还要去医院闹|快递员突然倒在我家门口 嘴里冒泡|我爷爷吃饭噎到了脸都憋紫了|河边有个书包还有鞋，人不见了，水里好像有人|小朋友从三楼窗台上翻出去了抓着栏杆
邻居家煤气灶爆了，人烧伤了|家里煤气没关我头好晕起不来|隔壁好像有人在求救一直拍墙|他们把我拉到一个房间让我脱衣服|老板扣了我们护照不让出门，还有人看着|我被网友骗到山上他现在不让我回去|我喝了一瓶百草枯|我站在长江大桥上，算了|活着太累了我把药都吃了|我女儿把自己锁在厕所里说要割腕
对面楼有个女人坐在阳台外面腿悬着|前男友带了几个人堵在我公司楼下说要弄我|有人在KTV打起来了，酒瓶乱飞，有人头破了|一群混混拿棍子把人往死里揍|我看到一个人从桥上下去了|地铁站有人晕了没人管|路边有个人浑身是血|一辆面包车把一个小孩抱走了|我被绑在椅子上|司机喝多了开得飞快我们一车人好怕
前面两辆大车撞一起了，有人夹在里面出不来|骑电动车的被渣土车卷到轮子下面|工地吊车倒了压着人|电梯卡在半空里面有孕妇喘不过气|地下室进水了我爸还在下面|着大火啦 烧到三楼了|楼下电瓶车充电起火浓烟上来了我们下不去|我闻到很浓的燃气味，不敢开灯|有人往人群里开车|学校门口有人持械砍学生
他掐着我妈脖子|我爸喝醉了拿皮带抽我弟|有人往我门口泼油漆还说要烧死我全家|小偷进来了我躲在衣柜里|阳台有动静，有人在翻我家窗户|门口有人在开我家锁，我不认识|刚才被两个男的抢了包，膝盖流血|我在出租屋，房东闯进来对我动手动脚|有个变态摸我女儿|出租车司机锁了门往郊区开
jiuming a you ren da wo|救名啊|他要杀wo|我在家被打了快点来人|有人拿枪|打死人了|出事了有人捅人|快点来 我老公疯了要砍人|我不行了 救|救救我爸，他没呼吸了
我們這裡有人持刀砍人|我被鎖在屋裡出不去|樓上失火了|她要跳樓快來|我先生打我，我和孩子躲在浴室|有人搶劫便利店|老人家昏倒在捷運站|有人溺水了，已經看不到頭了|我想自殺|我被跟蹤了很害怕
有个大爷在雪地里躺着喊不醒|我妈煤气中毒了|宝宝呛奶脸发青|孩子把电池吞下去了|我老婆大出血|工友手被机器绞进去了|我男朋友吞了好多安眠药叫不醒|同学说他今晚十二点就跳下去|朋友圈有人发遗言|我闺女留了张纸条说不想连累我们 电话关机
保姆虐待我家老人，正在监控里看到打她|幼儿园老师用针扎孩子|继父天天打那个小女孩，今天打得更厉害，一直在叫|有人在小区里放火|几个男的把一个女生往车上拖|他说我敢报警就杀了我|疯狗在追着小孩咬|野猪冲进村里伤了人|有人扔下来一块砖头砸中了一个女的|铁轨上有个人躺着
my dad is passed out drunk and he just hit my mom with a bottle|theres a guy downstairs smashing cars with an axe|my roommate cut herself and its deep|someone just got run over outside the mall|i think my neighbor is being beaten, i hear her crying|my taxi driver wont stop the car and locked the doors|my friend says hes going to kill himself tonight|he has me locked in his apartment|smoke coming out of the flat next door|please hurry he is trying to get in
kid fell out of a window|old lady collapsed in the street|man waving a machete on the metro|they took my passport and wont let us leave the factory|my husband is choking me|there are people fighting with bottles outside the bar|i was raped last night|a man tried to pull my daughter into his car|im being followed by two men|my baby isnt breathing
our boat is sinking in the lake|a child is drowning in the pool|gas is leaking i feel dizzy|my wife swallowed a bottle of sleeping pills|im standing on the roof and i dont see a reason to stay|he pointed a gun at the cashier|a bus crashed, many injured|a worker got electrocuted|theres blood all over the stairs|guy on the bridge climbed over the railing
help he hit me again|police please someone is breaking my door|he said hell burn us alive|she has been stabbed|somebody threw acid|car on fire with people inside|my son is having a seizure|i cant breathe my chest hurts|dont let him kill me|my ex is outside with a knife
someone snatched a little girl at the park|a stranger is hiding in our garage|he is beating the kid with a belt|my grandpa is not responding|theres a body in the river|man exposing himself to kids|they robbed the store with guns|a drunk driver hit a cyclist and ran|i took too much medicine|we are trapped, the ceiling came down
""".replace("\n", "|").strip("|").split("|")

NEAR_MISSES = """
楼下理发店把我头发剪坏了不肯退钱|小区门口车子乱停堵着走不了|隔壁装修电钻打得墙都在震|我要投诉出租车司机多收费|手机充电器落在派出所了|身份证过期了去哪换|想问下居住证多久能办好|我的电瓶车昨晚被偷了|快递被人拿走了|邻居家狗天天半夜叫
广场舞音响声音大得要命|这天气热得人快化了|今天加班加得我想死|笑得我肚子疼|饿得前胸贴后背|我都快被蚊子咬死了|这题难死我了|老婆让我跪搓衣板|双十一剁手了|股票跌得我想跳楼
坐110路到夫子庙怎么走|我住在110栋二单元|请问119路公交停在哪|车牌尾号110的车占了我车位|110报警中心旁边那家面馆关门了吗|派出所在火车站哪个出口|灭火器过期了去哪换|消防栓漏水了|火锅店排烟味道太大|烧烤摊扰民
刀鱼面馆几点开门|我在超市买了把菜刀店家多收我钱|水果刀能带上高铁吗|家里的剪刀丢了|孩子的玩具枪被同学拿走了|射击馆要身份证吗|看了一部警匪片，枪战真精彩|游戏里队友老是打我|狼人杀店太吵了|密室逃脱扮鬼的吓人
昨天电视剧里那个女的被杀了|新闻里说外地地铁起火了|网上传的砍人视频是哪里的|抖音上说有人贩子是谣言吗|小区群里说有小偷是真的吗|去年我家进过贼，想查下案子进展|三年前我被车撞过，现在想补事故证明|小时候我爸打我，现在他老了|上个月打架的案子怎么还没结果|以前住的房子失过火，要开证明
打架斗殴会判几年|家暴怎么取证咨询一下|正当防卫的标准是什么|请问偷拍违法吗|诈骗多少钱可以立案|醉驾怎么处罚|防溺水宣传在哪里领手册|学校要搞消防演习|想报名学急救|反恐宣传单发到我家了
微信群里有人骂我|有人在网上造谣我|楼上往下扔烟头|楼上小孩跑来跑去咚咚响|对面天台上养鸽子臭死了|楼顶有人唱歌|桥上有人钓鱼挡路|河里好多死鱼|湖边烧纸味道大|江边停车收费乱
我的猫被困在树上|狗掉进井里了|手机掉进下水道|钥匙锁在车里了|钥匙断在门锁里了|电梯又坏了|小区停电了|水管爆了家里淹了|马桶堵了|我家门打不开了找开锁的
捡到一个老年卡|拾到钱包怎么交|老人手机丢在公交上了|孩子书包忘在地铁上|护照掉了|同事借钱不还|老板拖欠工资|房东不退押金|网购买到假货|健身房跑路了
谢谢你们救了我|民警真是我的救命恩人|想给救人的警察送锦旗|上次你们救我儿子，谢谢|没事了，刚才是误会|不用来了，他们没打架|没人受伤，就是刮了漆|追尾了，人没事，保险要事故单|我没有危险，就是问问|开个玩笑
血压计送错地方了|献血证在哪补|药店卖过期药|医院挂号黄牛太多|救护车堵在小区门口鸣笛吵|打疫苗要预约吗|打车软件多扣我钱|打印店把我文件弄丢了|打折卡被骗|打球的占了消防通道
跳绳声音太大|跳槽公司不给开离职证明|跳蚤市场乱摆摊|爆米花机好吵|炸鸡店油烟大|爆胎了要补胎|心累，手续办了三次|杀毒软件自动扣费|砍价没砍成|拼多多砍一刀是不是骗人的
公司年会抽奖骗人|绑定的手机号换不了|银行卡被冻结了|抢红包被骗|抢票软件是骗子|车位被抢了|偷菜游戏怎么举报|跟着我买彩票的骗子群|追剧太晚邻居投诉我|被人拉黑了
our upstairs neighbours are stomping all night|i lost my phone on bus 110|can i park here on sundays|how do i renew my residence permit|my landlord wont return the deposit|someone keyed my car last night|my package got stolen|a dog poops in front of my door every day|the bar downstairs is too loud|i want to report a scam call
this heat is killing me|im so dead if i miss the deadline|my phone is dying where can i charge it|that concert was fire|i could murder a burger|the kids are running wild upstairs|my boss is going to kill me over this|the new club is the bomb|traffic was a nightmare|i nearly died laughing
is there a fire station nearby|the fire drill is at 3 right|our smoke detector battery is low|fireworks again at midnight|where is the gun museum|do i need a permit for a kitchen knife set|i saw a movie about a bank robbery|the news says there was an explosion abroad is it true|last year i was robbed, where is my file|ten years ago someone broke into my house
what is the penalty for assault|is carrying a pocket knife legal|how long does a theft case take|can you help me find my cat|please help me translate this form|thanks for saving my dog|nobody was hurt just a scratch|false alarm everything is fine|my cat is stuck on the balcony|we hit a parked car, no injuries
my bike was taken|taxi overcharged me|my kid broke a window playing football|he beat me at chess|the band killed it last night|i was attacked by mosquitoes|drowning in paperwork for this visa|the printer exploded ink everywhere|shot some photos of the police station, is that ok|the lift is out of order
""".replace("\n", "|").strip("|").split("|")

# Written after the gate had been mended by the lists above, and again whole before it was asked.
LATER_DANGERS = """
隔壁男的喝多了把他媳妇头往墙上撞|有个黑衣人翻过围墙进了女生宿舍|我把自己反锁在房间，外面我哥拿着锤子|公交司机突然趴在方向盘上了|我表弟在水库游泳半天没冒头|面馆里的液化气瓶嗤嗤响|装修师傅从脚手架上栽下来了|我女儿放学没回来，有个陌生号码说要二十万|有人冲着孩子泼开水|小区里一个男的光着身子追女孩
她把安眠药全倒进嘴里了|我发现我室友挂在门后面|网上一个人直播烧炭，地址好像在南京|我奶奶心口绞着疼冒冷汗|他把我妈推下楼梯了|外卖小哥被撞飞了不省人事|保安亭着了，里面有人|山上有人摔到沟里腿断了爬不上来|地铁上一个人抽过去了|他拿烟头烫我
一群人在砸店见人就打|有个人抱着煤气罐说要点|幼儿园门口有个疯子拿着刀|我被他锁在车里了，手机快没电|前面的车翻到沟里，还在冒烟|我朋友被人叫出去打了联系不上|楼上阿姨喊着有贼|这边有人放枪|老头走失在铁路上火车要来了|孩子手指被电梯门夹断了
我老婆不想活了在窗户边|一个女孩蹲在天桥外侧哭|有人割脖子|被几个社会青年围着要钱不给就打|他把汽油浇自己身上了|厂里氯气漏了好多人咳|我们船要翻了|妈妈晕在浴室里了
my uncle is waving a cleaver around|someone is screaming for help in the stairwell|there's a man passed out and not waking up|he slammed my head into the wall|a tree fell on a car with a lady inside|they tied my brother up|my sister texted goodbye and shes not answering|a guy just fell onto the subway tracks|kids stuck in an elevator with smoke|the gas stove blew up and my aunt is burned
he keeps hitting the dog and now the kids|im bleeding a lot|a man grabbed me in the park|old man wandering on the highway|he said if i leave hell shoot me|my boyfriend pushed me down the stairs|someone is setting the bikes on fire|she jumped into the river|my classmate has a knife and says he will stab the teacher|he wont let go of my daughter
""".replace("\n", "|").strip("|").split("|")

LATER_NEAR_MISSES = """
火警电话是多少|隔壁烧烤店半夜还在烤串|我想举报一家黑网吧|孩子手表掉水里了能修吗|楼道里堆满纸箱怕不安全|刀具实名登记在哪办|你们抓小偷真厉害|我妈催婚催得我要疯了|这破手机气死人|昨晚的灯光秀炸裂
我儿子学跆拳道在哪报名|我们单位组织反诈培训|打麻将的声音太大|他们吵架声音很大，听着烦|半夜有人按错门铃|电动车充电桩没电|空调外机滴水打到我家雨棚|水压太低|下水道臭|井盖松了哐哐响
杀猪菜馆占道经营|猪肉摊主缺斤短两|砍头息的网贷怎么投诉|跳广场舞的大妈骂我|跳蛋是什么|刀削面太咸|枪手代考怎么举报|网吧放未成年进去|酒驾扣几分|撞车了对方全责怎么走流程
血站地址在哪|我要开无犯罪记录证明|老板天天骂人|前女友把我拉黑|房东要涨房租|电影票退不了|剧本里要写一段警察抓人|梦见有人追我|小说写到主角被绑架卡住了|听说隔壁市有人跳楼，是谣言吗
has the fire exit been reported|my car battery died|the shooting stars tonight were great|how to apply for a gun license|my cat killed a mouse|the kids are having a water gun fight|someone is parked in my spot|my neighbour hits the drums at night|can you beat this price|the movie about a kidnapping was filmed here
i lost my knife set when moving|what happens if i run a red light|the boss is on fire about the report lol|my flight was hijacked by delays|someone stole my umbrella|my ex keeps liking my posts|is there a self defence class|the smoke from their bbq is annoying|hot water pipe burst|i feel sick of this noise
""".replace("\n", "|").strip("|").split("|")

# Written in roundabout words, for what a list of words cannot know.
LAST_DANGERS = """
我老婆要生了卡在半路上下不了高架|楼下有人持斧头砸店门|有人翻进我院子里了，狗在叫|我爸被债主绑走了|那边有个老太太摔了一跤头流血了|他在网上说今天要去学校捅老师|我家孩子烫伤了一大片皮都掉了|一群学生在厕所里打一个女同学|化工厂那边轰的一声然后全是黄烟|我被人骗进宾馆门打不开
我在悬崖边上，想跳|我爷爷摔倒了叫他不答应|出租屋里飘出怪味，敲门没人应，可能烧炭|邻居拿铲子打我爸的头|河堤上有人往水里走|我在车后备箱里|弟弟被开水浇了|有人抢了一个老太太的金耳环把人拖了好远|公园里有个男的抱住一个小女孩不撒手|施工的沟塌下去两个人没上来
他喝了酒把家里点了|我前妻发消息说带着孩子一起走|救护车怎么还没来 我妈快没气了|班主任用棍子把孩子打得站不起来|有人在地铁里喷东西，大家都在咳嗽|他拿针管扎路人|我们被洪水围住了，站在房顶上|那个男的又在楼梯口等我，我不敢回去|三楼阳台上有小孩一个人爬出来了|朋友吃了蘑菇一直吐，人迷糊了
a guy is choking his girlfriend in the parking lot|my car went into the canal and water is coming in|theres a knife fight in the food court|my neighbor is on the balcony rail saying he'll let go|the old man next door hasn't answered for days and it smells|some men forced their way into our flat|she is having a baby in the taxi|my son drank drain cleaner|a worker is buried under sand|he's kicking our dog and says we're next
my friend was drugged and a guy is taking her to his room|kid with his arm stuck in the escalator bleeding|someone is firing a gun near the school|my dad had a stroke i think|im on the bridge goodbye|a stranger keeps trying my door handle|my husband took the baby and says he will drive off the bridge|they're beating up a delivery guy|the ceiling fell on my mother|help, my boyfriend has a gun to my head
""".replace("\n", "|").strip("|").split("|")

LAST_NEAR_MISSES = """
我想办理养犬证|楼上邻居打呼噜我都听得到|电梯里有人抽烟|孩子在学校被老师批评了|谁捡到我的狗了|同事天天迟到|网红店排队打起伞了|鱼缸里的鱼死了|我妈做饭烧糊了锅|停车场收费太贵要抢钱吗
地铁站人挤人|朋友结婚抢亲习俗吵死人|隔壁钢琴弹得要命|暖气不热快冻死了|火龙果坏了商家不赔|枪打出头鸟这话啥意思|切西瓜的刀能寄快递吗|我买的斧头没发货|河道里有垃圾|有人在河边洗衣服
游泳馆关门了卡里还有钱|天台的门锁坏了|窗外施工灯太亮|听讲座说溺水怎么急救|我在写推理小说，想问尸检流程|公司让我跳过审批|医生打错针了要赔|被狗吓了一跳|楼上孩子蹦床|小区门禁不让我进
驾照扣满12分怎么办|老板说再迟到就杀鸡儆猴|我被公司裁了|警察叔叔辛苦了|昨晚警车声音把我吵醒|前面那辆车不打转向灯|快递柜打不开|外卖撒了一身|买到假酒了|爸妈吵架烦死了
my dad snores so loud|the pool is closed and they keep my money|who do i call about a broken street light|the elevator music is awful|a raccoon got into my trash|i need a police report for my lost camera|can i bring a pocket knife on the train|is the shooting range open today|my roommate eats my food|we played laser tag and i got shot
the gas bill is too high|my ex keeps calling me|the bridge is closed for repairs|how do i get a fire permit|there is water dripping from the ceiling|the neighbours are burning trash smell|kids are screaming in the playground|someone hit my parked car and left a note|our team was slaughtered yesterday|the dog jumped on me and tore my jacket
""".replace("\n", "|").strip("|").split("|")
# fmt: on
